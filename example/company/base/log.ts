/** One line of JSON an event on stdout. Fields never hold secrets; what is thrown goes under `err` as its message. */
export type Fields = Readonly<Record<string, unknown>>

export function log(level: 'info' | 'warn' | 'error', message: string, fields: Fields = {}): void {
  const err = fields['err']
  const rest = err instanceof Error ? { ...fields, err: err.message || err.name } : fields
  process.stdout.write(`${JSON.stringify({ at: new Date().toISOString(), level, message, ...rest })}\n`)
}
