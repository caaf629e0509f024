/** What a handler answers, and its envelope: `{"status":"success","data":...}`, as Prometheus writes it. */
import { type AnyBody, caveatsJson } from '#core'

/** JSON of a handler's `data`, and the caveats beside it. Long data is a `Body`, in its envelope already. */
export type Success = {
  readonly data: string
  readonly warnings?: readonly string[]
  readonly infos?: readonly string[]
}

export type Answer = Success | AnyBody

/** Nothing to say: 204 without a body, as Prometheus answers where its result has no value. */
export const NO_CONTENT: Success = { data: '' }

export function success(data: unknown, warnings: readonly string[] = []): Success {
  return { data: JSON.stringify(data), warnings }
}

/** The whole body of a success. */
export function envelope({ data, warnings = [], infos = [] }: Success): string {
  return `{"status":"success","data":${data}${caveatsJson(warnings, infos)}}`
}

/** The whole body of a refusal. */
export function errorEnvelope(errorType: string, error: string): string {
  return JSON.stringify({ status: 'error', errorType, error })
}
