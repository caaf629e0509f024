/**
 * An instant for people and logs: ISO 8601 with milliseconds. What no calendar reaches, as Unix milliseconds: a wire can carry more than
 * the 8.64e15 that a date can hold, and `toISOString` throws there.
 */
export function instantText(at: number): string {
  return Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : String(at)
}
