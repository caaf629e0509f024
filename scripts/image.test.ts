/** What stands between the code of a start-up image and the modules that may not lie in one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runInNewContext } from 'node:vm'
import { imageCode } from './build-image.ts'
import { imageRuntime } from './image-runtime.ts'

type Net = typeof import('node:net')
const begun = (file = import.meta.filename) => {
  const image = imageRuntime('/made/here.cjs', [])
  image.begin(file, (name) => Promise.resolve(`imported ${name}`))
  return image
}

test('a module of an image gives what it has once the image runs', async () => {
  const net = begun().module('node:net') as Net
  assert.equal(net.isIP('127.0.0.1'), 4)
  assert.equal('isIP' in net, true)
  const { compressSync, uncompressSync } = begun().module('snappy') as typeof import('snappy')
  assert.equal(String(uncompressSync(compressSync('a package'))), 'a package')
  assert.equal(await begun().import('x'), 'imported x')
})

test('what was taken of a module while the image was made stands for it when the image runs', () => {
  const image = imageRuntime('/made/here.cjs', [])
  const { isIP, BlockList, Socket } = image.module('node:net') as Net
  const { STATUS_CODES } = image.module('node:http') as typeof import('node:http')
  image.begin(import.meta.filename, () => Promise.resolve())
  assert.equal(isIP('::1'), 6)
  const list = new BlockList()
  list.addAddress('10.0.0.1')
  assert.equal(list.check('10.0.0.1'), true)
  assert.equal(list instanceof BlockList, true)
  assert.equal(new Socket() instanceof Socket, true)
  assert.equal(STATUS_CODES[404], 'Not Found')
  assert.equal('404' in STATUS_CODES, true)
})

test('nothing of such a module can be used while the image is made', () => {
  const { isIP, BlockList, constants } = imageRuntime('/x', []).module('node:net') as Net & { constants: object }
  const used = { message: /^node:net\.\w+ is used while the image is made$/ }
  assert.throws(() => isIP('::1'), used)
  assert.throws(() => new BlockList(), used)
  assert.throws(() => class extends BlockList {}, used)
  assert.throws(() => Reflect.get(constants, 'x'), used)
})

test('a call that every process needs is made when the image begins to run', () => {
  const key = 'assayImageTest'
  const image = imageRuntime('/x', ['node:events.setMaxListeners'])
  const { setMaxListeners } = image.module('node:events') as typeof import('node:events')
  const target = new EventTarget()
  Object.assign(target, { [key]: true })
  const countOf = () => process.getBuiltinModule('node:events').getMaxListeners(target)
  const before = countOf()
  assert.equal(setMaxListeners(before + 7, target), undefined)
  assert.equal(countOf(), before)
  image.begin(import.meta.filename, () => Promise.resolve())
  assert.equal(countOf(), before + 7)
})

test('the code of an image asks the image for what it may not hold, and Node for the rest', () => {
  const code = imageCode(
    'let n=require("node:net"),f=require("node:fs"),p=require("pg"),q=require("x/y");const later=()=>import("pg");const here=__filename;',
    ['pg'],
  )
  const last = code.split('\n').find((line) => line.startsWith('let n='))
  assert.equal(
    last,
    'let n=assayImage.module("node:net"),f=require("node:fs"),p=assayImage.module("pg"),q=require("x/y");const later=()=>assayImage.import("pg");const here=assayImage.file;',
  )
  assert.throws(() => imageCode('let n=__toESM(require("node:net"));', []), /import its names/)
})

test('the runtime that is copied into an image stands on its own', () => {
  const globals: Record<string, unknown> = { process, Proxy, Reflect, Map, Error }
  runInNewContext(`globalThis.made = (${imageRuntime.toString()})('/x', [])`, globals)
  const made = globals['made'] as ReturnType<typeof imageRuntime>
  made.begin(import.meta.filename, () => Promise.resolve())
  assert.equal((made.module('node:net') as Net).isIP('::1'), 6)
})
