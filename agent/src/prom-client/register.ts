/**
 * `node --import @assay/agent/prom-client/register app.js`: whoever asks for `prom-client` gets the drop-in, packages of others too.
 *
 * - By `module.registerHooks` (Node >= 22.15) for `import` and `require` alike, in this thread, without a loader thread. On older Node
 *   `require` alone is answered, through Node's own resolver; an `import` of prom-client stays prom-client, and a line on stderr says so.
 * - Only the package itself: a file inside it (`prom-client/lib/registry`) stays what it is, and does not know the drop-in's metrics.
 */
import * as nodeModule from 'node:module'
import '../index.ts'

const DROP_IN = new URL(import.meta.url.endsWith('.ts') ? './index.ts' : './index.js', import.meta.url)

type ResolveHook = (
  specifier: string,
  context: unknown,
  next: (specifier: string, context: unknown) => unknown,
) => unknown
type Hooks = { registerHooks?: (hooks: { resolve: ResolveHook }) => unknown }

const { registerHooks } = nodeModule as unknown as Hooks
if (registerHooks !== undefined) {
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'prom-client' ? { url: DROP_IN.href, shortCircuit: true } : next(specifier, context),
  })
} else {
  const { answerRequires } = await import('./register-older-node.ts')
  answerRequires()
}
