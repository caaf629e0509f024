/** What a receiver is given: headers and body, whichever HTTP server took them in. */
export type RemoteRequest = {
  /** Names in small letters. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: Uint8Array
}

/** The value of a header, '' when it is absent; several are joined as HTTP joins them. `name` in small letters. */
export function headerOf({ headers }: Pick<RemoteRequest, 'headers'>, name: string): string {
  const value = headers[name]
  return typeof value === 'string' ? value : (value?.join(', ') ?? '')
}
