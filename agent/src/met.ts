/**
 * The frameworks, and the libraries that services call databases, brokers and clouds with: what patches each of them, once it is loaded.
 *
 * - Every module that an application requires passes here, and nearly all are none of ours: one look at the name turns them away (2,000
 *   modules: 0.3 ms, against 0.5 to 1.0 when each patch looks for itself).
 * - A patch is read, and its metrics and subscriptions are made, when its library is met: a service without Redis has none of Redis'.
 */
import { createRequire } from 'node:module'
import type { Guard } from './guard.ts'
import type { RouteBook } from './http/routes/route-book.ts'
import type { Patch } from './libraries/require-hook.ts'
import type { Store } from './store/index.ts'

const load = createRequire(import.meta.url)

/** What patches are made of; each is made with the first that asks for it. */
export type PatchKit = { readonly guard: Guard; readonly store: () => Store; readonly book: () => RouteBook }

type Known = {
  /** What their modules are required as, by applications and by themselves; a patch looks closer. */
  readonly names: RegExp
  /** Where a name is too common: by whom. */
  readonly from?: RegExp
  readonly make: (kit: PatchKit) => Patch
}

const KNOWN: readonly Known[] = [
  {
    names: /^router$/,
    make: express,
  },
  {
    names: /^\.\/(?:router(?:\/index)?|route)(?:\.js)?$/,
    from: /\/express[^/]*\/lib\//,
    make: express,
  },
  {
    names: /^\.\/context(?:\.js)?$/,
    from: /\/koa\/lib\/application\.js$/,
    make: ({ book, guard }) =>
      (load('./http/routes/koa.ts') as typeof import('./http/routes/koa.ts')).koaPatch(book(), guard),
  },
  {
    names: /(?:^|\/)router(?:\.js)?$/,
    from: /\/hono\/dist\/cjs\//,
    make: ({ book, guard }) =>
      (load('./http/routes/hono.ts') as typeof import('./http/routes/hono.ts')).honoPatch(book(), guard),
  },
  {
    names: /^(?:pg|pg-pool|\.\/client)$/,
    make: ({ store, guard }) =>
      (load('./libraries/pg.ts') as typeof import('./libraries/pg.ts')).pgPatch(store(), guard),
  },
  {
    names: /^\.\/lib\/(?:channel|callback)_model$/,
    make: ({ store, guard }) =>
      (load('./libraries/amqplib.ts') as typeof import('./libraries/amqplib.ts')).amqplibPatch(store(), guard),
  },
  {
    names: /^@smithy\/(?:core\/client|smithy-client)$/,
    make: ({ store, guard }) =>
      (load('./libraries/aws.ts') as typeof import('./libraries/aws.ts')).awsPatch(store(), guard),
  },
  {
    names: /^ioredis$|\/(?:[Rr]edis|cluster)$/,
    make: ({ store, guard }) =>
      (load('./libraries/ioredis.ts') as typeof import('./libraries/ioredis.ts')).ioredisPatch(store(), guard),
  },
  {
    names: /^@redis\/client$|\/commands-queue$/,
    make: ({ store, guard }) =>
      (load('./libraries/redis.ts') as typeof import('./libraries/redis.ts')).redisPatch(store(), guard),
  },
]
/** What stands behind the last slash of any of these. */
const LAST_NAMES = new Set(
  'router router.js route route.js index index.js context context.js pg pg-pool client smithy-client channel_model callback_model ioredis redis Redis cluster commands-queue'.split(
    ' ',
  ),
)

/** Hands each module that is met to the patches that may know it. */
export function patchWhenMet(kit: PatchKit): Patch {
  const made = new Map<Known['make'], Patch>()
  return (required) => {
    const { id, parentFilename } = required
    if (!LAST_NAMES.has(id.slice(id.lastIndexOf('/') + 1))) return
    for (const { names, from, make } of KNOWN) {
      if (!names.test(id) || (from !== undefined && !from.test(parentFilename))) continue
      let patch = made.get(make)
      if (patch === undefined) {
        patch = make(kit)
        made.set(make, patch)
      }
      patch(required)
    }
  }
}

function express({ book, guard }: PatchKit): Patch {
  return (load('./http/routes/express.ts') as typeof import('./http/routes/express.ts')).expressPatch(book(), guard)
}
