/**
 * A broker's facts as a page: its own metrics as they are, and per queue what its aggregated page only sums.
 *
 * - A family that is written per queue is taken out of the broker's page: with both, a sum over a job would count twice.
 */
import type { PageWriter } from '#core'
import type { BrokerNode, Overview, Queue } from './management.ts'

const QUEUE_FAMILIES: readonly (readonly [
  name: string,
  type: 'gauge' | 'counter',
  help: string,
  of: (queue: Queue) => number | undefined,
])[] = [
  ['rabbitmq_queue_messages_ready', 'gauge', 'Messages that wait for a consumer.', (queue) => queue.ready],
  [
    'rabbitmq_queue_messages_unacked',
    'gauge',
    'Messages delivered and not yet acknowledged.',
    (queue) => queue.unacked,
  ],
  ['rabbitmq_queue_messages', 'gauge', 'Messages ready and unacknowledged.', (queue) => queue.ready + queue.unacked],
  ['rabbitmq_queue_messages_bytes', 'gauge', 'Bytes of all messages of the queue.', (queue) => queue.bytes],
  ['rabbitmq_queue_consumers', 'gauge', 'Consumers of the queue.', (queue) => queue.consumers],
  [
    'rabbitmq_queue_messages_published_total',
    'counter',
    'Messages that came into the queue.',
    (queue) => queue.published,
  ],
  ['rabbitmq_queue_messages_delivered_total', 'counter', 'Messages handed to consumers.', (queue) => queue.delivered],
  ['rabbitmq_queue_messages_acked_total', 'counter', 'Messages that consumers acknowledged.', (queue) => queue.acked],
  [
    'rabbitmq_queue_messages_redelivered_total',
    'counter',
    'Messages handed out once more.',
    (queue) => queue.redelivered,
  ],
]

export function writeQueues(page: PageWriter, queues: readonly Queue[]): void {
  for (const [name, type, help, of] of QUEUE_FAMILIES) {
    page.family(name, type, help)
    for (const queue of queues) page.sample(of(queue), { vhost: queue.vhost, queue: queue.name })
  }
}

/** Messages in the queues that hold dead letters; returns the names of those that are not there. */
export function writeDeadLetters(
  page: PageWriter,
  names: readonly string[],
  lengths: ReadonlyMap<string, number>,
): readonly string[] {
  if (names.length > 0) page.family('assay_dead_letters', 'gauge', 'Messages in the queues for dead letters.')
  for (const name of names) page.sample(lengths.get(name), { queue: name })
  return names.filter((name) => !lengths.has(name))
}

/** Lengths by name, over all virtual hosts. */
export function lengthsOf(queues: readonly Queue[]): ReadonlyMap<string, number> {
  const lengths = new Map<string, number>()
  for (const queue of queues) lengths.set(queue.name, (lengths.get(queue.name) ?? 0) + queue.ready + queue.unacked)
  return lengths
}

/** The broker's own page without the families that `written`, a page, has in detail already. */
export function withoutFamilies(text: string, written: string): string {
  const families = new Set([...written.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name))
  return text
    .split('\n')
    .filter((line) => !families.has(/^(?:# (?:HELP|TYPE) )?([a-zA-Z_:][\w:]*)/.exec(line)?.[1]))
    .join('\n')
}

/** What the Prometheus plugin would tell, as far as the management API knows it, by the plugin's names. */
export function writeNodes(page: PageWriter, overview: Overview, nodes: readonly BrokerNode[]): void {
  page.family('rabbitmq_build_info', 'untyped', 'Version of the broker.')
  page.sample(1, { rabbitmq_version: overview.version })
  page.family('rabbitmq_identity_info', 'untyped', 'Node and cluster.')
  page.sample(1, { rabbitmq_node: overview.node, rabbitmq_cluster: overview.cluster })
  const families: readonly (readonly [string, string, (node: BrokerNode) => number | undefined])[] = [
    ['rabbitmq_process_resident_memory_bytes', 'Memory in use.', (node) => node.memoryBytes],
    [
      'rabbitmq_resident_memory_limit_bytes',
      'Memory at which publishers are blocked.',
      (node) => node.memoryLimitBytes,
    ],
    ['rabbitmq_disk_space_available_bytes', 'Disk space left.', (node) => node.diskFreeBytes],
    [
      'rabbitmq_disk_space_available_limit_bytes',
      'Disk space at which publishers are blocked.',
      (node) => node.diskLimitBytes,
    ],
    [
      'rabbitmq_alarms_memory_used_watermark',
      '1: publishers are blocked for lack of memory.',
      (node) => Number(node.memoryAlarm),
    ],
    [
      'rabbitmq_alarms_free_disk_space_watermark',
      '1: publishers are blocked for lack of disk space.',
      (node) => Number(node.diskAlarm),
    ],
  ]
  for (const [name, help, of] of families) {
    page.family(name, 'gauge', help)
    for (const node of nodes) page.sample(of(node), nodes.length > 1 ? { rabbitmq_node: node.name } : {})
  }
  page.single(
    'rabbitmq_global_messages_received_total',
    'counter',
    'Messages received from publishers.',
    overview.published,
  )
  page.single(
    'rabbitmq_global_messages_confirmed_total',
    'counter',
    'Messages confirmed to publishers.',
    overview.confirmed,
  )
}

/** Whether each node of the cluster runs; the plugin of one node does not tell of the others. */
export function writeRunning(page: PageWriter, nodes: readonly BrokerNode[]): void {
  page.family('assay_rabbitmq_node_running', 'gauge', 'Whether a node of the cluster runs.')
  for (const node of nodes) page.sample(Number(node.running), { rabbitmq_node: node.name })
}

/** The broker's detailed page under the plain names, and the lengths of its queues: for a broker without management. */
export function fromDetailed(text: string): { readonly text: string; readonly lengths: ReadonlyMap<string, number> } {
  const lengths = new Map<string, number>()
  const sample =
    /^rabbitmq_detailed_queue_messages_(?:ready|unacked)\{(?:[^}]*,)?queue="((?:\\.|[^"\\])*)"[^}]*\} (\d+)/gm
  for (const [, queue = '', value] of text.matchAll(sample)) {
    const name = queue.replace(/\\(.)/g, '$1')
    lengths.set(name, (lengths.get(name) ?? 0) + Number(value))
  }
  return { text: text.replaceAll('rabbitmq_detailed_', 'rabbitmq_'), lengths }
}
