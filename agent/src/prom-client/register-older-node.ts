/**
 * The way in on Node without `module.registerHooks`: `require('prom-client')` alone, through `Module._load`, which loaders have used for as
 * long as there are loaders. The drop-in was imported before, so that a `require` need not wait.
 */
import * as nodeModule from 'node:module'
import { sayOnStderr } from '../guard.ts'
import client from './index.ts'

type Loader = { _load?: (this: unknown, request: string, ...more: unknown[]) => unknown }

export function answerRequires(): void {
  const loader = (nodeModule as unknown as { readonly Module?: Loader }).Module
  const load = loader?._load
  if (loader === undefined || load === undefined || Object.isFrozen(loader)) {
    sayOnStderr('ASSAY_AGENT_PROM_CLIENT', 'this Node has no way to answer for prom-client; it stays prom-client')
    return
  }
  loader._load = function (request, ...more) {
    return request === 'prom-client' ? client : load.call(this, request, ...more)
  }
  sayOnStderr(
    'ASSAY_AGENT_PROM_CLIENT',
    'require("prom-client") is the drop-in; an import of it is not, before Node 22.15: write @assay/agent/prom-client there',
  )
}
