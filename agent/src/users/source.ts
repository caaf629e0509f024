/**
 * Where a request says whose it is, read when it has been answered.
 *
 *     header:x-user-id      a request header
 *     cookie:session        a cookie's value
 *     user:id               request.user.id of the framework's request (Passport, fastify-jwt, Nest's guards; Koa: ctx.state.user.id)
 *     session:userId        request.session.userId (express-session, @fastify/session, koa-session), or session.get('userId')
 *
 * - Dots descend: `user:profile.id`. Texts, numbers, bigints and ids of MongoDB are ids; anything else is nobody.
 * - Getters of the application may throw; whoever calls `userOf` catches.
 * - A cookie header that is the same as the last one of the connection is not parsed again.
 */
import { headerOf } from './header.ts'
import type { ConnectionMemory, VisitedRequest } from './visit.ts'

export type UserSource =
  | { readonly kind: 'header' | 'cookie'; readonly name: string }
  | { readonly kind: 'user' | 'session'; readonly path: readonly string[] }

/** Longer values are nobody's id. */
const MAX_ID_LENGTH = 1_024
/** A connection remembers no longer cookie header: it would hold it as long as it lives. */
const MAX_REMEMBERED = 8_192

/** Throws a sentence that says what to write instead. */
export function parseUserSource(text: string): UserSource {
  const [, kind, name] = /^(header|cookie|user|session):([!#$%&'*+.^_`|~\w-]+)$/.exec(text) ?? []
  if (name !== undefined && (kind === 'user' || kind === 'session')) {
    const path = name.split('.')
    if (path.length <= 8 && !path.includes('')) return { kind, path }
  } else if (name !== undefined) {
    return kind === 'cookie' ? { kind, name } : { kind: 'header', name: name.toLowerCase() }
  }
  throw new Error(
    `"${text.slice(0, 100)}" is not a source of users; write header:x-user-id, cookie:session, user:id or session:userId`,
  )
}

/** What is found there; give it to `idText`. */
export function userOf(
  source: UserSource,
  request: VisitedRequest,
  framework: unknown,
  memory: ConnectionMemory,
): unknown {
  switch (source.kind) {
    case 'header':
      return headerOf(request, source.name)
    case 'cookie': {
      const header = headerOf(request, 'cookie')
      if (header !== undefined && header.length > MAX_REMEMBERED) return cookie(header, source.name)
      if (header !== memory.cookies) {
        memory.cookies = header
        memory.cookieUser = cookie(header, source.name)
      }
      return memory.cookieUser
    }
    case 'user': {
      const holder = (framework ?? request) as Holder
      return descend(holder.user ?? holder.state?.user, source.path, 0)
    }
    case 'session': {
      const { session } = (framework ?? request) as Holder
      const found = descend(session, source.path, 0)
      if (found !== undefined || source.path.length > 1) return found
      const { get } = (session ?? {}) as { get?: unknown }
      return typeof get === 'function' ? get.call(session, source.path[0]) : undefined
    }
    default:
      return source satisfies never
  }
}

type Holder = { readonly user?: unknown; readonly state?: { readonly user?: unknown }; readonly session?: unknown }

/** The text that is hashed, or undefined for what is nobody. */
export function idText(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return value === '' || value.length > MAX_ID_LENGTH ? undefined : value
    case 'number':
      return Number.isFinite(value) ? String(value) : undefined
    case 'bigint':
      return String(value)
    case 'object': {
      const { toHexString } = (value ?? {}) as { toHexString?: unknown }
      if (typeof toHexString !== 'function') return undefined
      const hex: unknown = toHexString.call(value)
      return typeof hex === 'string' ? idText(hex) : undefined
    }
    default:
      return undefined
  }
}

function descend(from: unknown, path: readonly string[], at: number): unknown {
  let value = from
  for (let i = at; i < path.length; i++) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Record<string, unknown>)[path[i]!]
  }
  return value
}

function cookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined
  for (let at = 0; at < header.length; ) {
    const semicolon = header.indexOf(';', at)
    const end = semicolon < 0 ? header.length : semicolon
    const equals = header.indexOf('=', at)
    if (equals >= at && equals < end && header.slice(at, equals).trim() === name) {
      return header.slice(equals + 1, end).trim() || undefined
    }
    at = end + 1
  }
  return undefined
}
