/** What the management API tells, parsed: its answers are `unknown` until here. */
import type { Door } from './client.ts'
import { getJson } from './client.ts'

export type Queue = {
  readonly vhost: string
  readonly name: string
  readonly ready: number
  readonly unacked: number
  readonly consumers: number | undefined
  readonly bytes: number | undefined
  /** Counters since the broker was started; absent when the broker does not keep them. */
  readonly published: number | undefined
  readonly delivered: number | undefined
  readonly acked: number | undefined
  readonly redelivered: number | undefined
}

export type Overview = {
  readonly version: string
  readonly cluster: string
  readonly node: string
  /** Port of the Prometheus plugin, when it listens. */
  readonly prometheus: { readonly port: number; readonly secure: boolean } | undefined
  /** False when the broker was told to keep no message counters. */
  readonly keepsRates: boolean
  readonly published: number | undefined
  readonly confirmed: number | undefined
}

export type BrokerNode = {
  readonly name: string
  readonly running: boolean
  readonly memoryBytes: number | undefined
  readonly memoryLimitBytes: number | undefined
  readonly memoryAlarm: boolean
  readonly diskFreeBytes: number | undefined
  readonly diskLimitBytes: number | undefined
  readonly diskAlarm: boolean
}

const PAGE_SIZE = 500
const MAX_PAGES = 20
const QUEUE_COLUMNS = [
  'name',
  'vhost',
  'messages_ready',
  'messages_unacknowledged',
  'consumers',
  'message_bytes',
  'message_stats.publish',
  'message_stats.deliver_get',
  'message_stats.ack',
  'message_stats.redeliver',
].join(',')

export async function getOverview(door: Door, signal: AbortSignal): Promise<Overview> {
  const answer = recordOf(await getJson(door, '/api/overview', signal))
  const listeners = listOf(answer['listeners']).map(recordOf)
  const prometheus = listeners.find((one) => /^https?\/prometheus$/.test(String(one['protocol'])))
  const stats = recordOf(answer['message_stats'])
  const port = prometheus === undefined ? undefined : numberOf(prometheus['port'])
  return {
    version: String(answer['rabbitmq_version'] ?? ''),
    cluster: String(answer['cluster_name'] ?? ''),
    node: String(answer['node'] ?? ''),
    prometheus: port === undefined ? undefined : { port, secure: String(prometheus?.['protocol']).startsWith('https') },
    keepsRates: answer['rates_mode'] !== 'none' && answer['disable_stats'] !== true,
    published: numberOf(stats['publish']),
    confirmed: numberOf(stats['confirm']),
  }
}

export async function getNodes(door: Door, signal: AbortSignal): Promise<readonly BrokerNode[]> {
  const columns = 'name,running,mem_used,mem_limit,mem_alarm,disk_free,disk_free_limit,disk_free_alarm'
  return listOf(await getJson(door, `/api/nodes?columns=${columns}`, signal))
    .map(recordOf)
    .map((node) => ({
      name: String(node['name'] ?? ''),
      running: node['running'] !== false,
      memoryBytes: numberOf(node['mem_used']),
      memoryLimitBytes: numberOf(node['mem_limit']),
      memoryAlarm: node['mem_alarm'] === true,
      diskFreeBytes: numberOf(node['disk_free']),
      diskLimitBytes: numberOf(node['disk_free_limit']),
      diskAlarm: node['disk_free_alarm'] === true,
    }))
}

/** All queues up to a bound; `omitted` tells how many more there are. */
export async function getQueues(
  door: Door,
  keepsRates: boolean,
  signal: AbortSignal,
): Promise<{ queues: readonly Queue[]; omitted: number }> {
  const queues: Queue[] = []
  for (let page = 1; page <= MAX_PAGES; page++) {
    const answer = recordOf(
      await getJson(door, `/api/queues?page=${page}&page_size=${PAGE_SIZE}&columns=${QUEUE_COLUMNS}`, signal),
    )
    for (const item of listOf(answer['items'])) queues.push(queueOf(recordOf(item), keepsRates))
    if (page >= (numberOf(answer['page_count']) ?? 1)) return { queues, omitted: 0 }
    if (page === MAX_PAGES)
      return { queues, omitted: Math.max(0, (numberOf(answer['filtered_count']) ?? 0) - queues.length) }
  }
  return { queues, omitted: 0 }
}

function queueOf(item: Readonly<Record<string, unknown>>, keepsRates: boolean): Queue {
  const stats = recordOf(item['message_stats'])
  // A counter that the broker keeps and does not list has not counted anything yet.
  const counter = (name: string) => numberOf(stats[name]) ?? (keepsRates ? 0 : undefined)
  return {
    vhost: String(item['vhost'] ?? ''),
    name: String(item['name'] ?? ''),
    ready: numberOf(item['messages_ready']) ?? 0,
    unacked: numberOf(item['messages_unacknowledged']) ?? 0,
    consumers: numberOf(item['consumers']),
    bytes: numberOf(item['message_bytes']),
    published: counter('publish'),
    delivered: counter('deliver_get'),
    acked: counter('ack'),
    redelivered: counter('redeliver'),
  }
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}
