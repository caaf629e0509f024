/**
 * What assay watches without being asked: a part that does not answer, a queue that nobody empties, dead letters,
 * connections and storage that run out. They tell; they never act.
 */
import { formatDuration } from '#core'
import type { PolicySpec } from '#responder'
import type { AlertingRule } from '#rules'
import type { Part } from './parts.ts'

/** One answer that came too late is no outage, however often parts are asked. */
const MIN_DOWN_MS = 5000

export type Named = { readonly id: string; readonly title: string; readonly part: Part }
export type BuiltIn = { readonly policy: PolicySpec; readonly rules: readonly AlertingRule[] }

/** `patienceMs`: how long such a condition must hold; `receiver`: who is told, nobody when absent. */
export function builtIns(
  parts: readonly Named[],
  options: {
    readonly patienceMs: number
    readonly scrapeIntervalMs: number
    readonly window: string
    readonly receiver: string | undefined
  },
): readonly BuiltIn[] {
  const { patienceMs, scrapeIntervalMs, window } = options
  const downAfterMs = Math.max(MIN_DOWN_MS, scrapeIntervalMs * 2)
  const of = (kind: Part['kind']) => parts.filter(({ part }) => part.kind === kind)
  const rule = (policy: string, { id }: Named, expr: string, forMs: number, summary: string): AlertingRule => ({
    kind: 'alert',
    alert: policy,
    expr,
    forMs,
    keepFiringForMs: 0,
    labels: { policy, part: id, severity: policy === 'partDown' ? 'critical' : 'warning' },
    annotations: { summary },
  })
  const policy = (id: string, title: string, concerned: readonly Named[], forMs: number): PolicySpec => ({
    id,
    parts: concerned.map((one) => one.id),
    title,
    forMs,
    steps: options.receiver === undefined ? [] : [{ kind: 'notify', receiver: options.receiver }],
    mode: 'auto',
    cooldownMs: patienceMs,
    verify: { holdMs: downAfterMs, timeoutMs: 0 },
  })
  const all: BuiltIn[] = [
    {
      policy: policy('partDown', `a part does not answer for ${formatDuration(downAfterMs)}`, parts, downAfterMs),
      rules: parts.map((one) =>
        rule(
          'partDown',
          one,
          downExpr(one.id, Math.ceil(patienceMs / scrapeIntervalMs)),
          downAfterMs,
          `${one.title} can't be reached`,
        ),
      ),
    },
  ]
  const add = (
    id: string,
    title: string,
    concerned: readonly Named[],
    expr: (job: string) => string,
    summary: (title: string) => string,
  ) => {
    if (concerned.length === 0) return
    all.push({
      policy: policy(id, title, concerned, patienceMs),
      rules: concerned.map((one) => rule(id, one, expr(one.id), patienceMs, summary(one.title))),
    })
  }
  add(
    'queueStuck',
    'messages wait and none leaves',
    of('rabbitmq'),
    (job) => {
      const deadLetters = parts.flatMap(({ part }) =>
        part.kind === 'rabbitmq' ? (part.options.deadLetters ?? []) : [],
      )
      const queues =
        deadLetters.length === 0
          ? ''
          : `,queue!~"${deadLetters.map((queue) => queue.replaceAll(/[.\\+*?()|[\]{}^$]/g, '\\\\$&')).join('|')}"`
      // Ready or in flight: a consumer that takes messages and never settles them leaves nothing ready.
      const waiting = `sum by (queue) (rabbitmq_queue_messages{job="${job}"${queues}})`
      const before = `sum by (queue) (rabbitmq_queue_messages{job="${job}"${queues}} offset ${window})`
      const leaving = `sum by (queue) (rate(rabbitmq_queue_messages_acked_total{job="${job}"${queues}}[${window}]))`
      return `${waiting} > 0 and ${waiting} >= ${before} unless ${leaving} > 0`
    },
    (title) => `a queue of ${title} fills and nobody empties it`,
  )
  add(
    'deadLetters',
    'messages are dead-lettered',
    of('rabbitmq'),
    (job) => `sum(delta(assay_dead_letters{job="${job}"}[${window}])) > 0`,
    (title) => `${title} gets dead letters`,
  )
  add(
    'connectionsRunOut',
    'more than 80 % of the connections are taken',
    of('postgres'),
    (job) => `sum(pg_stat_activity_count{job="${job}"}) / max(pg_settings_max_connections{job="${job}"}) > 0.8`,
    (title) => `${title} runs out of connections`,
  )
  add(
    'outboxStuck',
    'messages wait in an outbox and none is sent',
    parts.filter(({ part }) => part.kind === 'postgres' && part.options.outbox !== undefined),
    (job) => {
      const pending = `sum by (outbox) (messaging_outbox_pending_messages{job="${job}"})`
      // Less than before: someone empties it.
      return `${pending} > 0 and ${pending} >= sum by (outbox) (messaging_outbox_pending_messages{job="${job}"} offset ${window})`
    },
    (title) => `an outbox of ${title} fills and nobody empties it`,
  )
  add(
    'bucketFills',
    'more than 90 % of the capacity is used',
    parts.filter(({ part }) => part.kind === 'bucket' && part.options.capacity !== undefined),
    (job) => `sum(s3_bucket_size_bytes{job="${job}"}) / sum(s3_bucket_capacity_bytes{job="${job}"}) > 0.9`,
    (title) => `${title} is nearly full`,
  )
  return all
}

/**
 * Down: it answered within the last ten minutes and does not now; or it never did, for as long as patience lasts. A part
 * that is still starting when assay starts is not an outage.
 */
function downExpr(job: string, patienceScrapes: number): string {
  const up = `up{job="${job}"}`
  return `${up} == 0 and (max_over_time(${up}[10m]) > 0 or count_over_time(${up}[10m]) >= ${Math.min(patienceScrapes, 40)})`
}
