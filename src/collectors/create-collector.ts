/**
 * From a specification to its collector. Each integration, and with it its driver package, is loaded only when configured.
 * Creating never fails because the part is down: a collector connects when it is read.
 */
import type { Collector, CollectorDeps, CollectorSpec } from './types.ts'

/** Throws `ASSAY_ENV_MISSING`, or `ASSAY_COLLECTOR_URL` when an address cannot be understood. */
export async function createCollector(spec: CollectorSpec, deps: CollectorDeps): Promise<Collector> {
  switch (spec.kind) {
    case 'postgres':
      return (await import('./postgres/collector.ts')).postgresCollector(spec, deps)
    case 'rabbitmq':
      return (await import('./rabbitmq/collector.ts')).rabbitmqCollector(spec, deps)
    case 'bucket':
      return (await import('./s3/collector.ts')).bucketCollector(spec, deps)
    case 'host':
      return (await import('./host/collector.ts')).hostCollector(spec, deps)
    case 'users':
      return (await import('./users/collector.ts')).usersCollector(spec, deps)
    default:
      return spec satisfies never
  }
}
