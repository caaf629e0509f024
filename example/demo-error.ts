/** What stops the demo, with the next step in its message. Codes: `ASSAY_DEMO_*`, kept in the reference of errors. */
export class DemoError extends Error {
  readonly code: `ASSAY_DEMO_${string}`

  constructor(code: `ASSAY_DEMO_${string}`, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DemoError'
    this.code = code
  }
}

/** The message of anything thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message || thrown.name : String(thrown)
}
