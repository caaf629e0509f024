import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_LISTEN, parseListen, readConfig } from './config.ts'

const read = (env: Record<string, string>) => {
  const said: string[] = []
  return { config: readConfig(env, (code, message) => said.push(`${code}: ${message}`)), said }
}

test('nothing set is loopback, no channel, no users, no worker', () => {
  const { config, said } = read({})
  assert.deepEqual(config.listen, DEFAULT_LISTEN)
  assert.equal(config.enabled, true)
  assert.equal(config.requests, undefined)
  assert.equal(config.worker, undefined)
  assert.deepEqual(said, [])
})

test('what is set of requests is read with the rest, and what is not has its default', () => {
  const { config, said } = read({ ASSAY_CHANNELS: '{"open": "rest"}', ASSAY_CLIENTS: 'on' })
  assert.deepEqual(config.requests?.channels.names, ['open'])
  assert.equal(config.requests?.clients?.keyHeader, 'x-api-key')
  assert.equal(config.requests?.users, undefined)
  assert.deepEqual(said, [])
})

test('a setting that cannot be read is named, and its default holds', () => {
  const { config, said } = read({
    ASSAY_AGENT_LISTEN: 'here',
    ASSAY_CHANNELS: '{',
    ASSAY_USERS: 'x',
    ASSAY_AGENT_MAX_SERIES: '-1',
  })
  assert.deepEqual(config.listen, DEFAULT_LISTEN)
  assert.deepEqual(
    said.map((line) => /ASSAY_AGENT_CONFIG: (\w+):/.exec(line)?.[1]),
    ['ASSAY_AGENT_LISTEN', 'ASSAY_CHANNELS', 'ASSAY_USERS', 'ASSAY_AGENT_MAX_SERIES'],
  )
})

test('beyond loopback it listens with a token, or when that is meant, else on loopback', () => {
  const open = read({ ASSAY_AGENT_LISTEN: '0.0.0.0:9999' })
  assert.deepEqual(open.config.listen, { host: '127.0.0.1', port: 9999 })
  assert.match(open.said[0]!, /ASSAY_AGENT_OPEN/)
  for (const more of [{ ASSAY_AGENT_TOKEN: 't' }, { ASSAY_AGENT_ALLOW_ANYONE: '1' }]) {
    const { config, said } = read({ ASSAY_AGENT_LISTEN: '0.0.0.0:9999', ...more })
    assert.equal(config.listen.host, '0.0.0.0')
    assert.deepEqual(said, [])
  }
})

test('addresses are read as people write them', () => {
  assert.deepEqual(parseListen('[::1]:9'), { host: '::1', port: 9 })
  assert.deepEqual(parseListen(':9464'), { host: '0.0.0.0', port: 9464 })
  assert.deepEqual(parseListen('localhost:1'), { host: 'localhost', port: 1 })
  for (const wrong of ['9464', 'a:b', 'a:99999', '', '::1:9'])
    assert.throws(() => parseListen(wrong), /write 127.0.0.1:9464/)
})

test('two applications are two groups, two instances of one are one', () => {
  assert.equal(
    read({ ASSAY_SERVICE: 'mes', NODE_APP_INSTANCE: '0' }).config.group,
    read({ ASSAY_SERVICE: 'mes', NODE_APP_INSTANCE: '1' }).config.group,
  )
  assert.notEqual(read({ ASSAY_SERVICE: 'mes' }).config.group, read({ ASSAY_SERVICE: 'crm' }).config.group)
  assert.notEqual(read({ pm_id: '0', name: 'mes' }).config.group, read({ pm_id: '1', name: 'crm' }).config.group)
  assert.equal(read({ pm_id: '0', name: 'mes' }).config.group, read({ pm_id: '1', name: 'mes' }).config.group)
  assert.equal(read({ NODE_APP_INSTANCE: '3' }).config.worker, '3')
})
