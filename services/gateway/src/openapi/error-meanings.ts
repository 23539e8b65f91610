// SPDX-License-Identifier: Apache-2.0

/** What the codes mean that the gateway answers with; the reference of all codes is made from the classes. */
const meanings: Readonly<Record<string, string>> = {
  'PLB-1701': 'the request is not valid: `details.issues` lists every mistake',
  'PLB-1702': 'something that is referred to does not exist',
  'PLB-1703': 'a project does not allow what its application wants',
  'PLB-1704': 'a resource is given twice',
  'PLB-1705': 'the cursor or the position is not one of this list or log',
  'PLB-1706': 'the application has no such environment',
  'PLB-1707': 'the body is not JSON',
  'PLB-1708': 'the body is not a webhook of the provider',
  'PLB-1712': 'Last-Event-ID is neither a position nor a token',
  'PLB-1713': 'the token is of a stream with other filters',
  'PLB-1162': 'a position or a size is beyond the tree that was asked for',
  'PLB-1714': 'nothing may be delivered to the host of the endpoint',
  'PLB-2001': 'no token was sent',
  'PLB-2002': 'the token is unknown, has expired or was revoked',
  'PLB-2003': 'the signature of the webhook is missing or wrong',
  'PLB-2120': 'the role of the token is not enough',
  'PLB-3101': 'the application does not exist',
  'PLB-3102': 'the version does not exist',
  'PLB-3103': 'the repository does not exist',
  'PLB-3104': 'the cluster does not exist',
  'PLB-3105': 'the project does not exist',
  'PLB-3106': 'the token does not exist',
  'PLB-3107': 'the environment does not exist',
  'PLB-3108': 'the target does not exist',
  'PLB-3150': 'the log does not reach what was asked for',
  'PLB-3151': 'there is no such checkpoint',
  'PLB-3110': 'the subscription does not exist',
  'PLB-3152': 'an event is not in the database: it was archived elsewhere, or removed',
  'PLB-3201': 'stored content is gone',
  'PLB-4701': 'something is still needed by others',
  'PLB-4703': 'the version waits for approval in no environment, or in several',
  'PLB-4704': 'others keep changing the same things: try again',
  'PLB-4706': 'this is the last admin token in force',
  'PLB-4710': '`LOG_DIVERGED`: the log is not the one that the token is from: it was restored or forked',
  'PLB-5102': 'the answer does not reflect `minPosition` yet: try again',
  'PLB-5104': 'the checkpoint is not signed yet: try again',
  'PLB-5105': 'the history of the views is still being built: try again',
  'PLB-5701': 'too many attempts to sign in from one address',
  'PLB-5702': 'too many webhooks from one address',
  'PLB-5703': 'the gateway is starting',
  'PLB-5704': 'too many event streams are open',
  'PLB-6001': 'the log is not reachable',
  'PLB-6007': 'the database of the log is not reachable',
  'PLB-9000': 'something went wrong inside',
};

/** What a code means, for the API document. */
export function errorMeaning(code: string): string {
  return meanings[code] ?? '';
}
