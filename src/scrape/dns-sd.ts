/**
 * Targets from name servers, as Prometheus' `dns_sd_configs`: SRV records with their ports, others with the job's.
 *
 * - A name that does not exist has no targets; a name server that fails leaves those it named last.
 * - Names are asked for as they are: the search domains of the system are not tried.
 */
import type { TargetGroup } from './targets-of.ts'
import type { DnsSdConfig } from './types.ts'

/** What is asked of a name server; `node:dns/promises` has it. */
export interface DnsResolver {
  resolveSrv(name: string): Promise<readonly { readonly name: string; readonly port: number }[]>
  resolve4(name: string): Promise<readonly string[]>
  resolve6(name: string): Promise<readonly string[]>
  resolveMx(name: string): Promise<readonly { readonly exchange: string }[]>
  resolveNs(name: string): Promise<readonly string[]>
}

/** One group a record, with the labels `__meta_dns_*`. Rejects with the resolver's error. */
export async function lookUpTargets(
  name: string,
  config: Pick<DnsSdConfig, 'type' | 'port'>,
  resolver: DnsResolver,
): Promise<readonly TargetGroup[]> {
  const records = await recordsOf(name, config, resolver).catch((thrown: unknown) => {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : ''
    if (code === 'ENOTFOUND' || code === 'ENODATA') return []
    throw thrown
  })
  return records.map(({ host, port, meta }) => ({
    targets: [`${host.includes(':') ? `[${host}]` : host}:${port}`],
    labels: { __meta_dns_name: name, ...meta },
  }))
}

type Found = { readonly host: string; readonly port: number; readonly meta: Readonly<Record<string, string>> }

async function recordsOf(
  name: string,
  { type, port }: Pick<DnsSdConfig, 'type' | 'port'>,
  resolver: DnsResolver,
): Promise<readonly Found[]> {
  switch (type) {
    case 'SRV':
      return (await resolver.resolveSrv(name)).map((record) => ({
        host: unrooted(record.name),
        port: record.port,
        meta: {
          __meta_dns_srv_record_target: rooted(record.name),
          __meta_dns_srv_record_port: String(record.port),
        },
      }))
    case 'A':
      return (await resolver.resolve4(name)).map((host) => ({ host, port, meta: {} }))
    case 'AAAA':
      return (await resolver.resolve6(name)).map((host) => ({ host, port, meta: {} }))
    case 'MX':
      return (await resolver.resolveMx(name)).map(({ exchange }) => ({
        host: unrooted(exchange),
        port,
        meta: { __meta_dns_mx_record_target: rooted(exchange) },
      }))
    case 'NS':
      return (await resolver.resolveNs(name)).map((host) => ({
        host: unrooted(host),
        port,
        meta: { __meta_dns_ns_record_target: rooted(host) },
      }))
    default:
      return type satisfies never
  }
}

/** As a name server spells it, and Prometheus in its labels: with the dot of the root. */
function rooted(name: string): string {
  return name.endsWith('.') ? name : `${name}.`
}

function unrooted(name: string): string {
  return name.replace(/\.+$/, '')
}
