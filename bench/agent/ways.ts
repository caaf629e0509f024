/**
 * The ways to measure a service that stand side by side.
 *
 * A way is flags and environment for the process, and what the service itself sets up (service.ts): each as its own documentation says,
 * with default settings. The drop-in brings the agent with it: its cost is that of both. `off` is the control: the agent is required and
 * does nothing, so that what stands beside it is what two processes differ by without a reason.
 */
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { requirePeer } from './peers.ts'

export const KINDS = ['plain', 'express', 'fastify'] as const
export type Kind = (typeof KINDS)[number]

export const WAYS = [
  'none',
  'off',
  'agent',
  'agent, everything on',
  'prom-client, by hand',
  'drop-in, by hand',
  'express-prom-bundle',
  'fastify-metrics',
  'OpenTelemetry, metrics',
  'OpenTelemetry, metrics and traces',
] as const
export type Way = (typeof WAYS)[number]

/** Where a way is at home; all kinds when it is not said. */
const ONLY: Partial<Record<Way, Kind>> = { 'express-prom-bundle': 'express', 'fastify-metrics': 'fastify' }

export function waysFor(kind: Kind): readonly Way[] {
  return WAYS.filter((way) => ONLY[way] === undefined || ONLY[way] === kind)
}

const fileOf = (path: string): string => fileURLToPath(new URL(`../../agent/${path}`, import.meta.url))

/** The agent as it is published, which index.ts builds; with BENCH_SOURCE=1 its source, whose types are stripped at the start. */
export const IS_PUBLISHED: boolean = process.env['BENCH_SOURCE'] !== '1'
/** A folder with a build of another time, to be measured as it is. */
export const BUILT: string | undefined = process.env['BENCH_DIST']
const publishedFile = (path: string): string => (BUILT === undefined ? fileOf(`dist/${path}`) : resolve(BUILT, path))
const AGENT: string = IS_PUBLISHED ? publishedFile('index.cjs') : fileOf('src/index.ts')
export const DROP_IN: string = IS_PUBLISHED
  ? publishedFile('prom-client/index.cjs')
  : fileOf('src/prom-client/index.ts')

export type Start = { readonly flags: readonly string[]; readonly env: Readonly<Record<string, string>> }

/** `sink`: where traces go, a server that throws them away. */
export function startOf(way: Way, sink: number): Start {
  const agent = { flags: [IS_PUBLISHED ? '--require' : '--import', AGENT], env: { ASSAY_AGENT_LISTEN: '127.0.0.1:0' } }
  const open = { flags: ['--require', otelRegister()], env: otel('none', sink) }
  switch (way) {
    case 'off':
      return { flags: agent.flags, env: { ...agent.env, ASSAY_AGENT: 'off' } }
    case 'agent':
      return agent
    case 'agent, everything on':
      return {
        flags: agent.flags,
        env: {
          ...agent.env,
          ASSAY_USERS: 'header:x-user-id',
          ASSAY_CLIENTS: 'on',
          ASSAY_CHANNELS: '{"internal": ["10.0.0.0/8", "127.0.0.0/8"], "open": "rest"}',
        },
      }
    case 'drop-in, by hand':
      return { flags: [], env: { ASSAY_AGENT_LISTEN: '127.0.0.1:0' } }
    case 'OpenTelemetry, metrics':
      return open
    case 'OpenTelemetry, metrics and traces':
      return { flags: open.flags, env: otel('otlp', sink) }
    default:
      return { flags: [], env: {} }
  }
}

function otelRegister(): string {
  const main = requirePeer.resolve('@opentelemetry/auto-instrumentations-node')
  return join(main.slice(0, main.lastIndexOf('/build/')), 'build/src/register.js')
}

function otel(traces: 'none' | 'otlp', sink: number): Record<string, string> {
  return {
    OTEL_SERVICE_NAME: 'bench',
    OTEL_LOG_LEVEL: 'none',
    OTEL_LOGS_EXPORTER: 'none',
    OTEL_METRICS_EXPORTER: 'prometheus',
    OTEL_EXPORTER_PROMETHEUS_PORT: '0',
    OTEL_TRACES_EXPORTER: traces,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${sink}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
  }
}
