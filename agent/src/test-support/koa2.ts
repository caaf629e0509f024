/** Koa 2 with the router of its time, where a package of our tests (s3rver) has brought them; undefined where it has not. */
import { createRequire } from 'node:module'

export function koa2(require: NodeJS.Require): { readonly Koa: unknown; readonly Router: unknown } | undefined {
  try {
    const inside = createRequire(require.resolve('s3rver'))
    const { version } = inside('koa/package.json') as { version: string }
    return version.startsWith('2.') ? { Koa: inside('koa'), Router: inside('@koa/router') } : undefined
  } catch {
    return undefined
  }
}
