/** Settings of clients' behaviour, parsed apart from the rest of the room: they are read at every start, the rest only where it is on. */
const MOST_A_MINUTE = 600

/** Throws a sentence that says what to write instead. */
export function parseLoginRoutes(text: string): readonly string[] {
  const routes = text.split(',').map((route) => route.trim())
  if (routes.every((route) => route.startsWith('/'))) return routes
  throw new Error(`"${text.slice(0, 100)}" is not a list of routes; write /login,/api/sessions`)
}

/** Throws a sentence that says what to write instead. */
export function parseSamplesPerMinute(text: string): number {
  const many = Number(text)
  if (/^\d{1,3}$/.test(text) && many <= MOST_A_MINUTE) return many
  throw new Error(`"${text.slice(0, 100)}" is not a number of bodies a minute; write 10 (at most ${MOST_A_MINUTE})`)
}
