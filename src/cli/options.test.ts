import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Flag, formatFlags, parseFlags } from './options.ts'

const FLAGS: readonly Flag[] = [
  {
    name: 'listen',
    value: 'HOST:PORT',
    default: '127.0.0.1:2424',
    aliases: ['web.listen-address'],
    help: 'where it answers',
  },
  { name: 'data', value: 'DIR', help: 'where it keeps things' },
  { name: 'load', help: 'with load' },
]
const parse = (args: readonly string[], environment: NodeJS.ProcessEnv = {}) =>
  parseFlags('serve', FLAGS, args, environment)

test('a flag wins over the environment, and that over the default', () => {
  assert.equal(parse([]).values.get('listen'), '127.0.0.1:2424')
  assert.equal(parse([], { ASSAY_LISTEN: ':1' }).values.get('listen'), ':1')
  assert.equal(parse(['--listen=:2'], { ASSAY_LISTEN: ':1' }).values.get('listen'), ':2')
})

test("Prometheus' spelling is the same flag", () => {
  assert.equal(parse(['--web.listen-address', ':9090']).values.get('listen'), ':9090')
})

test('a switch can be turned off', () => {
  assert.equal(parse(['--no-load']).values.get('load'), 'false')
  assert.equal(parse(['--load']).values.get('load'), 'true')
})

test('what is no flag is kept in order', () => {
  assert.deepEqual(parse(['break', '--data', 'd', 'mes-slow']).rest, ['break', 'mes-slow'])
})

for (const args of [['--nosuch'], ['--data'], ['--load=5']]) {
  test(`${args.join(' ')} is refused and --help named`, () => {
    assert.throws(() => parse(args), { code: 'ASSAY_USAGE', message: /assay serve: .*--help/ })
  })
}

test('the help page names each flag with its value and default', () => {
  assert.equal(
    formatFlags('assay serve', 'Serves.', FLAGS),
    'usage: assay serve\n\nServes.\n\n  --listen HOST:PORT  where it answers (127.0.0.1:2424)\n  --data DIR          where it keeps things\n  --load              with load\n',
  )
})
