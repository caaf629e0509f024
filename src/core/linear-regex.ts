/**
 * Runs an expression in time linear in the text, whatever the expression: all ways through it at once, by Thompson's and Pike's
 * method. For what V8's linear engine does not take: case folding, categories, `\z`, longer repetitions.
 *
 * - The whole text must match, but for `find`. Of several ways the one that backtracking would find first counts, as in RE2.
 * - A text is read by code points. Time is the length of the text times the size of the expression; memory the size alone.
 *
 * Source: Russ Cox, Regular Expression Matching: the Virtual Machine Approach, swtch.com/~rsc/regexp/regexp2.html.
 */
import type { Assertion, CharSet, RegexNode, RegexTree } from './regex-tree.ts'

const CHAR = 0
const SET = 1
const ANY = 2
const NOT_NEWLINE = 3
const SPLIT = 4
const JUMP = 5
const SAVE = 6
const ASSERT = 7
const MATCH = 8

const ASSERTIONS: readonly Assertion[] = ['start', 'end', 'line-start', 'line-end', 'word', 'no-word']
const NEWLINE = 10

/** Where each group begins and ends, -1 where it took no part. */
type Places = Int32Array | undefined

export class LinearRegex {
  readonly #ops: number[] = []
  readonly #xs: number[] = []
  readonly #ys: number[] = []
  readonly #sets: CharTest[] = []
  readonly #known = new Map<string, number>()
  readonly #tree: RegexTree
  #now: Threads
  #next: Threads

  constructor(tree: RegexTree) {
    this.#tree = tree
    this.#node(tree.root)
    this.#emit(MATCH)
    this.#now = new Threads(this.#ops.length)
    this.#next = new Threads(this.#ops.length)
  }

  test(text: string): boolean {
    return this.#run(text, undefined) !== undefined
  }

  /** What `RegExp.exec` would answer, without `indices`. */
  exec(text: string): RegExpExecArray | null {
    const { groups, names } = this.#tree
    const found = this.#run(text, new Int32Array(2 * groups + 2).fill(-1))
    if (found === undefined) return null
    const part = (group: number) =>
      found[2 * group]! < 0 ? undefined : text.slice(found[2 * group], found[2 * group + 1])
    const parts = [text, ...Array.from({ length: groups }, (_, i) => part(i + 1))] as string[]
    const named = [...names].map(([name, group]) => [name, part(group)] as const)
    const record = named.length === 0 ? undefined : (Object.fromEntries(named) as Record<string, string>)
    return Object.assign(parts, { index: 0, input: text, groups: record }) as RegExpExecArray
  }

  /**
   * The first match that begins at `from` or behind it: where each group begins and ends, the whole match as group 0, -1 where a
   * group took no part. The text before `from` is seen by assertions.
   */
  find(text: string, from: number): Int32Array | undefined {
    let found: Int32Array | undefined
    this.#now.clear()
    for (let at = from; ; ) {
      const now = this.#now
      // Begins here, if nothing that began before still may match.
      if (found === undefined) {
        const places = new Int32Array(2 * this.#tree.groups + 2).fill(-1)
        places[0] = at
        this.#follow(now, 0, { text, at }, places)
      }
      for (let i = 0; i < now.count; i++) {
        if (this.#ops[now.pcs[i]!] !== MATCH) continue
        found = now.places[i]!
        found[1] = at
        // What stands behind it in the line is preferred less.
        now.count = i
      }
      if (at >= text.length || (now.count === 0 && found !== undefined)) return found
      const code = text.codePointAt(at)!
      at += code > 0xffff ? 2 : 1
      this.#next.clear()
      for (let i = 0; i < now.count; i++) {
        const pc = now.pcs[i]!
        if (this.#takes(pc, code)) this.#follow(this.#next, pc + 1, { text, at }, now.places[i])
      }
      this.#now = this.#next
      this.#next = now
    }
  }

  /** The numbers of the groups that have a name. */
  get names(): ReadonlyMap<string, number> {
    return this.#tree.names
  }

  #emit(op: number, x = 0, y = 0): number {
    this.#xs.push(x)
    this.#ys.push(y)
    return this.#ops.push(op) - 1
  }

  #node(node: RegexNode): void {
    switch (node.kind) {
      case 'char':
        this.#emit(CHAR, node.code)
        return
      case 'set':
        this.#emit(SET, this.#setOf(node.set))
        return
      case 'any':
        this.#emit(node.newline ? ANY : NOT_NEWLINE)
        return
      case 'assert':
        this.#emit(ASSERT, ASSERTIONS.indexOf(node.what))
        return
      case 'all':
        for (const part of node.parts) this.#node(part)
        return
      case 'group':
        this.#emit(SAVE, 2 * node.index)
        this.#node(node.of)
        this.#emit(SAVE, 2 * node.index + 1)
        return
      case 'either': {
        const jumps: number[] = []
        for (const [i, option] of node.options.entries()) {
          const split = i === node.options.length - 1 ? undefined : this.#emit(SPLIT)
          if (split !== undefined) this.#xs[split] = split + 1
          this.#node(option)
          if (split === undefined) continue
          jumps.push(this.#emit(JUMP))
          this.#ys[split] = this.#ops.length
        }
        for (const jump of jumps) this.#xs[jump] = this.#ops.length
        return
      }
      case 'repeat':
        this.#repeat(node)
        return
      default:
        node satisfies never
    }
  }

  #repeat({ of, min, max, greedy }: Extract<RegexNode, { kind: 'repeat' }>): void {
    for (let i = 0; i < min; i++) this.#node(of)
    const exits: number[] = []
    const split = () => {
      const at = this.#emit(SPLIT)
      if (greedy) this.#xs[at] = at + 1
      else this.#ys[at] = at + 1
      exits.push(at)
      return at
    }
    if (max === Infinity) {
      const at = split()
      this.#node(of)
      this.#emit(JUMP, at)
    } else {
      for (let i = min; i < max; i++) {
        split()
        this.#node(of)
      }
    }
    for (const at of exits) {
      if (greedy) this.#ys[at] = this.#ops.length
      else this.#xs[at] = this.#ops.length
    }
  }

  #setOf(set: CharSet): number {
    const key = `${set.ignoresCase} ${set.source}`
    let index = this.#known.get(key)
    if (index === undefined) this.#known.set(key, (index = this.#sets.push(new CharTest(set)) - 1))
    return index
  }

  /** The places of the groups (an empty list when none are asked for), or `undefined` when the text does not match. */
  #run(text: string, places: Places): Int32Array | undefined {
    this.#now.clear()
    this.#follow(this.#now, 0, { text, at: 0 }, places)
    for (let at = 0; at < text.length; ) {
      const now = this.#now
      if (now.count === 0) return undefined
      const code = text.codePointAt(at)!
      at += code > 0xffff ? 2 : 1
      this.#next.clear()
      for (let i = 0; i < now.count; i++) {
        const pc = now.pcs[i]!
        if (this.#takes(pc, code)) this.#follow(this.#next, pc + 1, { text, at }, now.places[i])
      }
      this.#now = this.#next
      this.#next = now
    }
    const { pcs, count, places: found } = this.#now
    for (let i = 0; i < count; i++) if (this.#ops[pcs[i]!] === MATCH) return found[i] ?? NO_PLACES
    return undefined
  }

  #takes(pc: number, code: number): boolean {
    switch (this.#ops[pc]) {
      case CHAR:
        return code === this.#xs[pc]
      case SET:
        return this.#sets[this.#xs[pc]!]!.has(code)
      case ANY:
        return true
      case NOT_NEWLINE:
        return code !== NEWLINE
      default:
        return false
    }
  }

  /** Adds everything that is reached from `first` without reading on, the preferred way first. */
  #follow(threads: Threads, first: number, { text, at }: { text: string; at: number }, before: Places): void {
    const stack: number[] = [first]
    const stackPlaces: Places[] = [before]
    while (stack.length > 0) {
      let pc = stack.pop()!
      let places = stackPlaces.pop()
      for (;;) {
        if (!threads.visit(pc)) break
        const op = this.#ops[pc]!
        if (op === JUMP) pc = this.#xs[pc]!
        else if (op === SPLIT) {
          stack.push(this.#ys[pc]!)
          stackPlaces.push(places)
          pc = this.#xs[pc]!
        } else if (op === SAVE) {
          if (places !== undefined) {
            places = places.slice()
            places[this.#xs[pc]!] = at
          }
          pc++
        } else if (op === ASSERT) {
          if (!holds(ASSERTIONS[this.#xs[pc]!]!, text, at)) break
          pc++
        } else {
          threads.add(pc, places)
          break
        }
      }
    }
  }
}

const NO_PLACES = new Int32Array(0)

/** The instructions that wait for the next character, in order of preference; and which were passed on the way. */
class Threads {
  readonly pcs: Int32Array
  readonly places: Places[] = []
  count = 0
  readonly #seen: Int32Array
  #round = 0

  constructor(size: number) {
    this.pcs = new Int32Array(size)
    this.#seen = new Int32Array(size)
  }

  clear(): void {
    this.count = 0
    // Rounds wrap around after 2^31 characters: then nothing may look like seen.
    if (++this.#round === 2 ** 31 - 1) {
      this.#round = 1
      this.#seen.fill(0)
    }
  }

  /** False when the instruction was passed in this round. */
  visit(pc: number): boolean {
    if (this.#seen[pc] === this.#round) return false
    this.#seen[pc] = this.#round
    return true
  }

  add(pc: number, places: Places): void {
    this.pcs[this.count] = pc
    this.places[this.count++] = places
  }
}

function holds(what: Assertion, text: string, at: number): boolean {
  switch (what) {
    case 'start':
      return at === 0
    case 'end':
      return at === text.length
    case 'line-start':
      return at === 0 || text.charCodeAt(at - 1) === NEWLINE
    case 'line-end':
      return at === text.length || text.charCodeAt(at) === NEWLINE
    case 'word':
      return isWordAt(text, at - 1) !== isWordAt(text, at)
    case 'no-word':
      return isWordAt(text, at - 1) === isWordAt(text, at)
    default:
      return what satisfies never
  }
}

/** ASCII alone, as in RE2. */
function isWordAt(text: string, at: number): boolean {
  const code = text.charCodeAt(at) // NaN outside
  return (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code === 95
}

/** Whether one character is in a set: asked of JavaScript's engine once a character, then known. */
class CharTest {
  readonly #regex: RegExp
  readonly #known = new Map<number, boolean>()

  constructor({ source, ignoresCase }: CharSet) {
    this.#regex = new RegExp(`^${source}$`, ignoresCase ? 'isu' : 'su')
  }

  has(code: number): boolean {
    let known = this.#known.get(code)
    if (known === undefined) {
      known = this.#regex.test(String.fromCodePoint(code))
      if (this.#known.size < MAX_KNOWN) this.#known.set(code, known)
    }
    return known
  }
}

const MAX_KNOWN = 4096
