import assert from 'node:assert/strict'
import { test } from 'node:test'
import { redactYaml } from './redact-config.ts'

const cases: readonly { why: string; text: string; shown: string }[] = [
  {
    why: 'a password under its key',
    text: 'basic_auth:\n  username: me\n  password: hunter2\n',
    shown: 'basic_auth:\n  username: me\n  password: <secret>\n',
  },
  {
    why: 'one between braces',
    text: 'oauth2: {client_secret: "hunter2"}\n',
    shown: 'oauth2: { client_secret: <secret> }\n',
  },
  {
    why: 'one of several lines',
    text: 'tls_config:\n  key: |\n    hunter2\n    hunter2\n',
    shown: 'tls_config:\n  key: <secret>\n',
  },
  {
    why: 'a key that signs',
    text: 'oauth2:\n  client_certificate_key: |\n    -----BEGIN\n    hunter2\n  client_certificate_key_id: k\n',
    shown: 'oauth2:\n  client_certificate_key: <secret>\n  client_certificate_key_id: k\n',
  },
  {
    why: 'one of a proxy that speaks SOCKS',
    text: 'proxy_url: socks5://me:hunter2@x:1080\n',
    shown: 'proxy_url: socks5://me:xxxxx@x:1080\n',
  },
  { why: 'one in a URL', text: 'url: http://me:hunter2@x/y\n', shown: 'url: http://me:xxxxx@x/y\n' },
  { why: 'one in a list', text: '- http://me:hunter2@x\n', shown: '- http://me:xxxxx@x\n' },
  {
    why: 'headers, whatever they are called',
    text: 'headers:\n  X-Scope: hunter2\n',
    shown: 'headers:\n  X-Scope: <secret>\n',
  },
  {
    why: 'one that is used twice',
    text: 'a:\n  password: &p hunter2\nb:\n  password: *p\n',
    shown: 'a:\n  password: <secret>\nb:\n  password: <secret>\n',
  },
  { why: 'a file that holds one is no secret', text: 'password_file: /etc/p\n', shown: 'password_file: /etc/p\n' },
  { why: 'the order stays', text: 'b: 1\na: 2\n', shown: 'b: 1\na: 2\n' },
  {
    why: 'one in a comment, wherever comments stand',
    text: `# hunter2

# hunter2
global: # hunter2
  # hunter2
  scrape_interval: 1m # hunter2
# hunter2
password: x # hunter2
headers:
  # hunter2
  A: b # hunter2
list: # hunter2
  # hunter2
  - a # hunter2
  # hunter2
  - {b: 1} # hunter2
empty: # hunter2
? # hunter2
  odd # hunter2
: 1
# hunter2
`,
    shown: `global:
  scrape_interval: 1m
password: <secret>
headers:
  A: <secret>
list:
  - a
  - { b: 1 }
empty:
odd: 1
`,
  },
  { why: 'what is no YAML', text: 'password: "hunter2\n', shown: '' },
]
for (const { why, text, shown } of cases)
  test(`a configuration is shown without its secrets: ${why}`, () => {
    assert.equal(redactYaml(text), shown)
    assert.doesNotMatch(redactYaml(text), /hunter2/)
  })
