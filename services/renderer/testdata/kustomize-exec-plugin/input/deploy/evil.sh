#!/bin/sh
touch /tmp/evil
