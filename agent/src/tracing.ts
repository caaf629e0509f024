/**
 * In which trace something happens, when OpenTelemetry is there: for exemplars.
 *
 * - OpenTelemetry's API keeps itself under one global symbol, whichever copy of the package the application has: no import, no dependency,
 *   and nothing at all to pay where there is none.
 * - Only sampled traces count: a link to a trace that nobody has kept leads nowhere.
 */
import type { TraceIds } from './store/index.ts'

const API = Symbol.for('opentelemetry.js.api.1')
const SPAN = Symbol.for('OpenTelemetry Context Key SPAN')
const SAMPLED = 1

type SpanContext = { readonly traceId?: unknown; readonly spanId?: unknown; readonly traceFlags?: unknown }
type Context = { getValue?: (key: symbol) => { spanContext?: () => SpanContext } | undefined }
type Api = { readonly context?: { active?: () => Context } }

/** Whether an OpenTelemetry SDK is registered in this process. */
export function hasTracing(): boolean {
  return (globalThis as { [API]?: Api })[API]?.context !== undefined
}

/** The trace this is called in; undefined when there is none, or it is not sampled. May throw what the SDK throws. */
export function currentTrace(): TraceIds | undefined {
  const context = (globalThis as { [API]?: Api })[API]?.context?.active?.()
  const span = context?.getValue?.(SPAN)?.spanContext?.()
  if (span === undefined || typeof span.traceFlags !== 'number' || (span.traceFlags & SAMPLED) === 0) return undefined
  const { traceId, spanId } = span
  return typeof traceId === 'string' && typeof spanId === 'string' ? { traceId, spanId } : undefined
}
