/**
 * Logging as the rooms see it: a message with fields. What writes it is chosen by the `cli`.
 *
 * Fields never hold secrets; an error goes under `err`.
 */
export interface Log {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void
  info(fields: Readonly<Record<string, unknown>>, message: string): void
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
  error(fields: Readonly<Record<string, unknown>>, message: string): void
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }
