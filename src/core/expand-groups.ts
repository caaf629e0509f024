/**
 * Go's templates of what an expression found: `$1`, `${1}`, `$name`, `${name}`, `$$`. The longest name counts, of letters and digits
 * of any script. What is not there expands to nothing, and so does a number that begins with 0: it is the name of no group.
 *
 * Source: Go, regexp: Regexp.Expand.
 */
const REFERENCE = /\$(?:\$|\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/gu
const NUMBER = /^(?:0|[1-9]\d{0,7})$/

/** `groupOf`: the text of a group by number or name, `undefined` when there is none or it took no part. */
export function expandGroups(template: string, groupOf: (group: number | string) => string | undefined): string {
  if (!template.includes('$')) return template
  return template.replace(REFERENCE, (whole, braced?: string, bare?: string) => {
    const name = braced ?? bare
    if (name === undefined) return whole === '$$' ? '$' : whole
    return groupOf(NUMBER.test(name) ? Number(name) : name) ?? ''
  })
}

/** The same of a match of JavaScript's. */
export function expandMatch(template: string, match: RegExpExecArray): string {
  return expandGroups(template, (group) => (typeof group === 'number' ? match[group] : match.groups?.[group]))
}
