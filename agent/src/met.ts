/**
 * The frameworks, and the libraries that services call databases, brokers and clouds with: what patches each of them, once it is loaded.
 *
 * - Every module that an application requires passes here, and nearly all are none of ours: one look at the last part of the name turns them
 *   away. No regular expressions: at a start each costs V8 some 50 µs to compile, the second time it is used more.
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
  /** What the patch's modules are required as, by applications and by themselves, without `.js`; a patch looks closer. */
  readonly names: readonly string[]
  /** Also behind other folders: by an absolute name, say. */
  readonly anywhere?: boolean
  /** Where a name is too common: by whom. */
  readonly from?: (parentFilename: string) => boolean
  readonly make: (kit: PatchKit) => Patch
}

const KNOWN: readonly Known[] = [
  { names: ['router'], make: express },
  { names: ['./router', './router/index', './route'], from: isInExpress, make: express },
  {
    names: ['./context'],
    from: (parent) => parent.endsWith('/koa/lib/application.js'),
    make: ({ book, guard }) =>
      (load('./http/routes/koa.ts') as typeof import('./http/routes/koa.ts')).koaPatch(book(), guard),
  },
  {
    names: ['router'],
    anywhere: true,
    from: (parent) => parent.includes('/hono/dist/cjs/'),
    make: ({ book, guard }) =>
      (load('./http/routes/hono.ts') as typeof import('./http/routes/hono.ts')).honoPatch(book(), guard),
  },
  {
    names: ['pg', 'pg-pool', './client'],
    make: ({ store, guard }) =>
      (load('./libraries/pg.ts') as typeof import('./libraries/pg.ts')).pgPatch(store(), guard),
  },
  {
    names: ['./lib/channel_model', './lib/callback_model'],
    make: ({ store, guard }) =>
      (load('./libraries/amqplib.ts') as typeof import('./libraries/amqplib.ts')).amqplibPatch(store(), guard),
  },
  {
    names: ['@smithy/core/client', '@smithy/smithy-client'],
    make: ({ store, guard }) =>
      (load('./libraries/aws.ts') as typeof import('./libraries/aws.ts')).awsPatch(store(), guard),
  },
  {
    names: ['ioredis', '/redis', '/Redis', '/cluster'],
    anywhere: true,
    make: ({ store, guard }) =>
      (load('./libraries/ioredis.ts') as typeof import('./libraries/ioredis.ts')).ioredisPatch(store(), guard),
  },
  {
    names: ['@redis/client', '/commands-queue'],
    anywhere: true,
    make: ({ store, guard }) =>
      (load('./libraries/redis.ts') as typeof import('./libraries/redis.ts')).redisPatch(store(), guard),
  },
]
/** By what stands behind the last slash of their names. */
const BY_LAST_NAME = new Map<string, Known[]>()
for (const known of KNOWN) {
  for (const name of known.names) {
    const last = lastNameOf(name)
    const same = BY_LAST_NAME.get(last)
    if (same === undefined) BY_LAST_NAME.set(last, [known])
    else if (!same.includes(known)) same.push(known)
  }
}

/** Whether a module of that name may be one of them. */
export function mayKnow(id: string): boolean {
  return BY_LAST_NAME.has(lastNameOf(id))
}

/** Hands each module that is met to the patches that may know it. */
export function patchWhenMet(kit: PatchKit): Patch {
  const made = new Map<Known['make'], Patch>()
  return (required) => {
    const { id, parentFilename } = required
    for (const known of BY_LAST_NAME.get(lastNameOf(id)) ?? []) {
      const { from, make } = known
      if (!isNamed(known, id.endsWith('.js') ? id.slice(0, -3) : id) || from?.(parentFilename) === false) continue
      let patch = made.get(make)
      if (patch === undefined) {
        patch = make(kit)
        made.set(make, patch)
      }
      patch(required)
    }
  }
}

function isNamed({ names, anywhere = false }: Known, id: string): boolean {
  return names.some((name) => id === name || (anywhere && id.endsWith(name.startsWith('/') ? name : `/${name}`)))
}

/** `router` of `./lib/router.js`. */
function lastNameOf(id: string): string {
  const from = id.lastIndexOf('/') + 1
  return id.endsWith('.js') ? id.slice(from, -3) : id.slice(from)
}

/** Also where its folder has another name, as an older release beside a newer one is often installed. */
function isInExpress(parentFilename: string): boolean {
  const end = parentFilename.lastIndexOf('/lib/')
  return end > 0 && parentFilename.startsWith('/express', parentFilename.lastIndexOf('/', end - 1))
}

function express({ book, guard }: PatchKit): Patch {
  return (load('./http/routes/express.ts') as typeof import('./http/routes/express.ts')).expressPatch(book(), guard)
}
