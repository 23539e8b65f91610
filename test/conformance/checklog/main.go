// SPDX-License-Identifier: Apache-2.0

// Command checklog verifies a Plumbline log with Go's own implementation of transparency logs, and writes a log for Plumbline to verify.
//
//	checklog verify <http URL or directory> <verifier key> [<older checkpoint file>]
//	checklog write <directory> <entries>
package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// reader reads the files of a log. Only the paths differ from those of the Go checksum database: tile/8/… is tile/….
type reader struct {
	base, token string
}

func (r *reader) get(path string) ([]byte, error) {
	if !strings.HasPrefix(r.base, "http") {
		return os.ReadFile(filepath.Join(r.base, path))
	}
	request, err := http.NewRequest("GET", r.base+path, nil)
	if err != nil {
		return nil, err
	}
	if r.token != "" {
		request.Header.Set("Authorization", "Bearer "+r.token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != 200 {
		return nil, fmt.Errorf("%s: %s", path, response.Status)
	}
	return io.ReadAll(response.Body)
}

func (r *reader) Height() int { return height }

func (r *reader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range tiles {
		content, err := r.get(strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1))
		if err != nil {
			return nil, err
		}
		data = append(data, content)
	}
	return data, nil
}

func (r *reader) SaveTiles([]tlog.Tile, [][]byte) {}

func (r *reader) entries(index, size int64) ([][]byte, error) {
	width := size - index*256
	if width > 256 {
		width = 256
	}
	tile := tlog.Tile{H: height, L: 0, N: index, W: int(width)}
	path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/0/", height), "tile/entries/", 1)
	content, err := r.get(path)
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(content) > 0 {
		if len(content) < 2 {
			return nil, fmt.Errorf("%s is cut off", path)
		}
		length := int(binary.BigEndian.Uint16(content))
		if len(content) < 2+length {
			return nil, fmt.Errorf("%s is cut off", path)
		}
		entries = append(entries, content[2:2+length])
		content = content[2+length:]
	}
	if int64(len(entries)) != width {
		return nil, fmt.Errorf("%s has %d entries, not %d", path, len(entries), width)
	}
	return entries, nil
}

// open verifies the signature of a checkpoint and reads it.
func open(message []byte, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(message, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("this is not a checkpoint of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return tlog.Tree{}, fmt.Errorf("the root is not a hash")
	}
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], root)
	return tree, nil
}

func verify(base, key, older string) error {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return err
	}
	r := &reader{base: strings.TrimSuffix(base, "/") + "/", token: os.Getenv("LOG_TOKEN")}
	message, err := r.get("checkpoint")
	if err != nil {
		return err
	}
	tree, err := open(message, verifier)
	if err != nil {
		return err
	}
	// The reader of tlog authenticates every tile against the root before it uses it.
	hashes := tlog.TileHashReader(tree, r)
	root, err := tlog.TreeHash(tree.N, hashes)
	if err != nil {
		return err
	}
	if root != tree.Hash {
		return fmt.Errorf("the tiles give another root")
	}
	proofs := 0
	step := tree.N/500 + 1
	for index := int64(0); index*256 < tree.N; index++ {
		entries, err := r.entries(index, tree.N)
		if err != nil {
			return err
		}
		for place, entry := range entries {
			position := index*256 + int64(place)
			indexes := []int64{tlog.StoredHashIndex(0, position)}
			stored, err := hashes.ReadHashes(indexes)
			if err != nil {
				return err
			}
			leaf := tlog.RecordHash(entry)
			if stored[0] != leaf {
				return fmt.Errorf("entry %d is not the one that was signed", position)
			}
			var body struct {
				Position *int64 `json:"position"`
			}
			if json.Unmarshal(entry, &body) == nil && body.Position != nil && *body.Position != position {
				return fmt.Errorf("entry %d says that it is at %d", position, *body.Position)
			}
			if position%step != 0 && position != tree.N-1 {
				continue
			}
			proof, err := tlog.ProveRecord(tree.N, position, hashes)
			if err != nil {
				return err
			}
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, position, leaf); err != nil {
				return fmt.Errorf("inclusion of %d: %w", position, err)
			}
			proofs++
		}
	}
	consistent := int64(-1)
	if older != "" {
		message, err := os.ReadFile(older)
		if err != nil {
			return err
		}
		before, err := open(message, verifier)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveTree(tree.N, before.N, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, before.N, before.Hash); err != nil {
			return fmt.Errorf("consistency from %d: %w", before.N, err)
		}
		consistent = before.N
	}
	fmt.Printf("{\"size\":%d,\"inclusionProofs\":%d,\"consistentFrom\":%d}\n", tree.N, proofs, consistent)
	return nil
}

func put(dir, path string, content []byte) error {
	file := filepath.Join(dir, path)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o644)
}

func write(dir string, count int64) error {
	private, public, err := note.GenerateKey(rand.Reader, "go.test/log")
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		return err
	}
	var stored []tlog.Hash
	hashes := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, index := range indexes {
			found = append(found, stored[index])
		}
		return found, nil
	})
	var bundle bytes.Buffer
	for position := int64(0); position < count; position++ {
		entry := []byte(fmt.Sprintf(`{"position":%d,"text":"written by Go","id":"%x"}`, position, sha256.Sum256([]byte{byte(position), byte(position >> 8)})))
		more, err := tlog.StoredHashes(position, entry, hashes)
		if err != nil {
			return err
		}
		stored = append(stored, more...)
		_ = binary.Write(&bundle, binary.BigEndian, uint16(len(entry)))
		bundle.Write(entry)
		if (position+1)%256 == 0 || position == count-1 {
			tile := tlog.Tile{H: height, L: 0, N: position / 256, W: int(position%256) + 1}
			if err := put(dir, strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/0/", height), "tile/entries/", 1), bundle.Bytes()); err != nil {
				return err
			}
			bundle.Reset()
		}
	}
	for _, tile := range tlog.NewTiles(height, 0, count) {
		content, err := tlog.ReadTileData(tile, hashes)
		if err != nil {
			return err
		}
		if err := put(dir, strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1), content); err != nil {
			return err
		}
	}
	root, err := tlog.TreeHash(count, hashes)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s\n%d\n%s\n", signer.Name(), count, base64.StdEncoding.EncodeToString(root[:]))
	message, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		return err
	}
	if err := put(dir, "key", []byte(public+"\n")); err != nil {
		return err
	}
	return put(dir, "checkpoint", message)
}

func run(args []string) error {
	switch {
	case len(args) >= 3 && args[0] == "verify":
		older := ""
		if len(args) > 3 {
			older = args[3]
		}
		return verify(args[1], args[2], older)
	case len(args) == 3 && args[0] == "write":
		count, err := strconv.ParseInt(args[2], 10, 64)
		if err != nil {
			return err
		}
		return write(args[1], count)
	}
	return fmt.Errorf("checklog verify <URL or directory> <verifier key> [<older checkpoint>], or checklog write <directory> <entries>")
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "checklog:", err)
		os.Exit(1)
	}
}
