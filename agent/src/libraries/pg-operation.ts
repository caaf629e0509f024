/** The operation of a statement: its first word, from a closed list, so that nothing of a statement becomes a label. */

const WORDS =
  'SELECT INSERT UPDATE DELETE MERGE WITH BEGIN START COMMIT END ROLLBACK ABORT SAVEPOINT RELEASE SET RESET SHOW COPY CALL DO EXPLAIN CREATE ALTER DROP TRUNCATE GRANT REVOKE LISTEN NOTIFY UNLISTEN VACUUM ANALYZE LOCK REFRESH PREPARE EXECUTE DEALLOCATE FETCH MOVE DECLARE CLOSE VALUES TABLE COMMENT REINDEX CLUSTER CHECKPOINT DISCARD'.split(
    ' ',
  )
/** As they are written nearly always; other spellings take the slower way. */
const OPERATIONS: ReadonlyMap<string, string> = new Map(
  WORDS.flatMap((word) => [
    [word, word],
    [word.toLowerCase(), word],
  ]),
)
const LONGEST = Math.max(...WORDS.map((word) => word.length))
/** Comments before a statement are looked through that far. */
const LOOKED_AT = 1_000

/** Leading white space, comments and parentheses are passed over. 25 ns for `select ...`, against 190 by a regular expression. */
export function operationOf(text: string): string {
  let from = 0
  while (isSpace(text.charCodeAt(from))) from++
  let to = from
  while (to - from <= LONGEST && isLetter(text.charCodeAt(to))) to++
  if (to === from) return afterComments(text)
  const word = text.slice(from, to)
  return OPERATIONS.get(word) ?? OPERATIONS.get(word.toUpperCase()) ?? 'OTHER'
}

function afterComments(text: string): string {
  const [, word = ''] = /^(?:\s+|--[^\n]*\n|\/\*[\s\S]*?\*\/|\()*([A-Za-z]+)/.exec(text.slice(0, LOOKED_AT)) ?? []
  return OPERATIONS.get(word.toUpperCase()) ?? 'OTHER'
}

function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13)
}

function isLetter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90)
}
