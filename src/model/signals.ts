/**
 * What is shown of each kind of part: the few large numbers of the overview, and the charts of its page.
 * A policy's limit on a shown measure becomes the limit of its signal, so the line in the chart is the line that acts.
 */

import type { ExprContext, Measure } from './measure.ts'
import type { Part } from './parts.ts'
import type { Chart, Signal } from './plan.ts'

/** `limits`: thresholds of policies by measure id. */
export function signalsOf(part: Part, context: ExprContext, limits: ReadonlyMap<string, number>): readonly Signal[] {
  const shown = (measure: Measure, form: Signal['form'] = 'number', of?: string): Signal => ({
    id: measure.id,
    title: measure.title,
    unit: measure.unit,
    expr: measure.expr(context),
    form,
    ...(of === undefined ? {} : { of }),
    ...(limits.has(measure.id) ? { limit: limits.get(measure.id)! } : {}),
  })
  switch (part.kind) {
    case 'api':
      return [
        shown(part.rate),
        shown(part.errors.ratio),
        shown(part.latency.p95),
        shown(part.saturation.cpu, 'bar'),
        shown(part.saturation, 'bar'),
      ]
    case 'postgres':
      return [
        shown(part.connections, 'number', `max(pg_settings_max_connections{job="${context.job}"})`),
        shown(part.size),
        ...(part.options.outbox === undefined ? [] : [shown(part.outbox), shown(part.outbox.ratio, 'bar')]),
      ]
    case 'rabbitmq':
      return [shown(part.ready), shown(part.unacked), shown(part.deadLetters)]
    case 'bucket':
      return [
        shown(
          part.size,
          'number',
          part.options.capacity === undefined ? undefined : `sum(s3_bucket_capacity_bytes{job="${context.job}"})`,
        ),
        shown(part.objects),
        ...(part.options.capacity === undefined ? [] : [shown(part.filled, 'bar')]),
      ]
    case 'host':
      return [shown(part.cpu, 'bar'), shown(part.memory, 'bar'), shown(part.disk, 'bar')]
    default:
      return part satisfies never
  }
}

export function chartsOf(part: Part, context: ExprContext, limits: ReadonlyMap<string, number>): readonly Chart[] {
  const { job, window } = context
  const shown = (measure: Measure, title = measure.title): Chart => ({
    id: measure.id,
    title,
    unit: measure.unit,
    expr: measure.expr(context),
    ...(limits.has(measure.id) ? { limit: limits.get(measure.id)! } : {}),
  })
  const requests = `rate(http_server_request_duration_seconds_count{job="${job}"}[${window}])`
  switch (part.kind) {
    case 'api':
      return [
        ...(Object.keys(part.options.channels ?? {}).length > 0
          ? [
              {
                id: 'rate.byChannel',
                title: 'rate by channel',
                unit: 'per_second',
                expr: `sum by (channel) (${requests})`,
                legend: 'channel',
              } as const,
            ]
          : [shown(part.rate)]),
        {
          id: 'rate.byStatus',
          title: 'rate by status',
          unit: 'per_second',
          expr: `sum by (http_response_status_code) (${requests})`,
          legend: 'http_response_status_code',
        },
        shown(part.errors.ratio),
        shown(part.latency.p95, 'p95 latency'),
        {
          id: 'latency.byRoute',
          title: 'p95 latency by route',
          unit: 'seconds',
          expr: `topk(8, histogram_quantile(0.95, sum by (http_route, le) (rate(http_server_request_duration_seconds_bucket{job="${job}"}[${window}]))) >= 0)`,
          legend: 'http_route',
        },
        shown(part.rate.perInstance),
        shown(part.instances),
        shown(part.saturation.eventLoop, 'event loop in use'),
        shown(part.saturation.cpu, 'cpu in use'),
        { id: 'memory', title: 'memory', unit: 'bytes', expr: `sum(process_resident_memory_bytes{job="${job}"})` },
        ...(part.options.users === true ? [shown(part.users.now), shown(part.users.today)] : []),
      ]
    case 'postgres':
      return [
        {
          id: 'connections.byState',
          title: 'connections by state',
          unit: 'count',
          expr: `sum by (state) (pg_stat_activity_count{job="${job}"})`,
          legend: 'state',
        },
        shown(part.connections.ratio),
        shown(part.size),
        {
          id: 'transactions',
          title: 'transactions',
          unit: 'per_second',
          expr: `sum(rate(pg_stat_database_xact_commit{job="${job}"}[${window}]))`,
        },
        ...(part.options.outbox === undefined
          ? []
          : [
              {
                id: 'outbox.byName',
                title: 'unsent messages',
                unit: 'count',
                expr: `sum by (outbox) (messaging_outbox_pending_messages{job="${job}"})`,
                legend: 'outbox',
              } as const,
              shown(part.outbox.ratio),
            ]),
      ]
    case 'rabbitmq':
      return [
        {
          id: 'ready.byQueue',
          title: 'ready by queue',
          unit: 'count',
          expr: `sum by (queue) (rabbitmq_queue_messages_ready{job="${job}"})`,
          legend: 'queue',
        },
        {
          id: 'unacked.byQueue',
          title: 'in flight by queue',
          unit: 'count',
          expr: `sum by (queue) (rabbitmq_queue_messages_unacked{job="${job}"})`,
          legend: 'queue',
        },
        shown(part.deadLetters),
        {
          id: 'published',
          title: 'published by queue',
          unit: 'per_second',
          expr: `sum by (queue) (rate(rabbitmq_queue_messages_published_total{job="${job}"}[${window}]))`,
          legend: 'queue',
        },
        {
          id: 'consumers',
          title: 'consumers by queue',
          unit: 'count',
          expr: `sum by (queue) (rabbitmq_queue_consumers{job="${job}"})`,
          legend: 'queue',
        },
      ]
    case 'bucket':
      return [
        shown(part.size),
        shown(part.objects),
        ...(part.options.capacity === undefined ? [] : [shown(part.filled)]),
      ]
    case 'host':
      return [shown(part.cpu), shown(part.memory), shown(part.disk)]
    default:
      return part satisfies never
  }
}
