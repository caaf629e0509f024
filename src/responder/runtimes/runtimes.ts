/** From what the definition says to a runtime that acts. */
import type { Clock, EnvRef } from '#core'
import type { Runtime, RuntimeSpec } from '../types.ts'
import { commandRuntime } from './command.ts'
import { pm2Runtime } from './pm2.ts'

/** `resolve` gives the value of a text that may come from the environment. */
export function createRuntime(spec: RuntimeSpec, clock: Clock, resolve: (text: string | EnvRef) => string): Runtime {
  switch (spec.kind) {
    case 'pm2':
      return pm2Runtime({
        command: spec.command,
        clock,
        ...(spec.home === undefined ? {} : { home: resolve(spec.home) }),
      })
    case 'command':
      return commandRuntime(spec)
    default:
      return spec satisfies never
  }
}
