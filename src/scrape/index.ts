export { type CollectorTargetOptions, collectorTarget } from './collector-target.ts'
export {
  DEFAULT_PROTOCOLS,
  ESCAPING_SCHEMES,
  type EscapingScheme,
  formatOfProtocol,
  PROTOBUF_FIRST,
  SCRAPE_PROTOCOLS,
  type ScrapeProtocol,
  TEXT_CONTENT_TYPE,
} from './content-type.ts'
export { type DiscoverDeps, type Discovery, discover } from './discover.ts'
export type { DnsResolver } from './dns-sd.ts'
export { ExpositionPage, type PageExemplar } from './exposition-page.ts'
export type { ExpositionFormat, PageOptions } from './page-parser.ts'
export { parseExposition } from './parse-page.ts'
export { relabel } from './relabel.ts'
export { createScraper, type Scraper, type ScraperOptions } from './scraper.ts'
export type { DiscoveredTargets } from './targets-of.ts'
export type * from './types.ts'
export { DNS_RECORD_TYPES, RELABEL_ACTIONS } from './types.ts'
