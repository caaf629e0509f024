/**
 * Reads the configuration: a TypeScript or JavaScript definition, or a `prometheus.yml` with its rule files.
 *
 * A definition is the user's own program, so what it throws is told with its file and line and without our stack.
 */
import { glob, readFile } from 'node:fs/promises'
import { registerHooks } from 'node:module'
import { dirname, extname, isAbsolute, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { AssayError, type Feature, messageOf } from '#core'
import { type Plan, parsePrometheusConfig, parseScrapeFile, planOfPrometheus } from '#model'
import { parseRuleFile } from '#rules'

export type Loaded = {
  readonly plan: Plan
  readonly file: string
  /** The configuration as it stands in the file, for `status/config`. */
  readonly text: string
  readonly warnings: readonly string[]
  /** What was read: the configuration itself and its rule files. */
  readonly files: readonly string[]
}

/** Throws `ASSAY_CONFIG*`, `ASSAY_MODEL_*` or `ASSAY_RULES*`, each with `file:line`. */
export async function loadConfiguration(path: string, features?: ReadonlySet<Feature>): Promise<Loaded> {
  const file = resolve(path)
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new AssayError(
      'ASSAY_CONFIG',
      `${path} can't be read: ${messageOf(cause)}; name a definition or a prometheus.yml with --config`,
      { cause },
    )
  })
  return ['.yml', '.yaml'].includes(extname(file))
    ? await loadPrometheus(path, file, text, features)
    : await loadDefinition(path, file, text)
}

async function loadPrometheus(
  path: string,
  file: string,
  text: string,
  features: ReadonlySet<Feature> | undefined,
): Promise<Loaded> {
  const options = { environment: process.env, ...(features === undefined ? {} : { features }) }
  const main = parsePrometheusConfig(text, path, options)
  const scrapes = [...main.scrapes]
  for (const pattern of main.scrapeFiles) {
    for (const found of (await Array.fromAsync(glob(resolve(dirname(file), pattern)))).toSorted()) {
      const name = relative(process.cwd(), found)
      scrapes.push(
        ...parseScrapeFile(await readFile(found, 'utf8'), name, { text, name: path, before: scrapes, ...options }),
      )
    }
  }
  const config = { ...main, scrapes }
  const ruleFiles: string[] = []
  for (const pattern of config.ruleFiles) {
    for await (const found of glob(resolve(dirname(file), pattern))) ruleFiles.push(found)
  }
  const defaults = {
    defaultIntervalMs: config.evaluationIntervalMs,
    defaultQueryOffsetMs: config.queryOffsetMs,
    ...(features === undefined ? {} : { features }),
  }
  const groups = await Promise.all(
    ruleFiles
      .toSorted()
      .map(async (one) =>
        parseRuleFile(await readFile(one, 'utf8'), isAbsolute(path) ? one : relative(process.cwd(), one), defaults),
      ),
  )
  return {
    plan: planOfPrometheus(config, groups.flat()),
    file,
    text,
    warnings: config.warnings,
    files: [file, ...ruleFiles],
  }
}

let generation = 0
let hooked = false

async function loadDefinition(path: string, file: string, text: string): Promise<Loaded> {
  hookResolution(dirname(file))
  generation++
  const module: unknown = await import(pathToFileURL(file).href).catch((cause: unknown) => {
    throw atItsLine(cause, path, dirname(file))
  })
  const plan = (module as { default?: unknown }).default
  if (!isPlan(plan)) {
    throw new AssayError(
      'ASSAY_CONFIG',
      `${path}: nothing usable is exported; write \`export default defineSystem({ ... })\``,
    )
  }
  return { plan, file, text, warnings: [], files: [file] }
}

/**
 * `assay` resolves to this very program, installed beside the definition or not; and files beside the definition are
 * read anew at each load, which Node's module cache would not do.
 */
function hookResolution(directory: string): void {
  if (hooked) return
  hooked = true
  const door = new URL(import.meta.url.endsWith('.ts') ? '../index.ts' : '../index.js', import.meta.url).href
  const root = pathToFileURL(`${directory}/`).href
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === 'assay') return { url: door, shortCircuit: true }
      const resolved = next(specifier, context)
      if (!resolved.url.startsWith(root) || resolved.url.includes('/node_modules/') || resolved.url.includes('?'))
        return resolved
      return { ...resolved, url: `${resolved.url}?load=${generation}` }
    },
  })
}

function isPlan(value: unknown): value is Plan {
  return typeof value === 'object' && value !== null && 'parts' in value && 'ruleGroups' in value && 'policies' in value
}

/** The same complaint, at the first line of the user's own files that its stack names. */
function atItsLine(thrown: unknown, path: string, directory: string): AssayError {
  const code = thrown instanceof AssayError ? thrown.code : 'ASSAY_CONFIG'
  const stack = thrown instanceof Error ? (thrown.stack ?? '') : ''
  const place = placeIn(stack, directory) ?? path
  return new AssayError(code, `${place}: ${messageOf(thrown)}`, { cause: thrown })
}

/** `file:line` of the first frame below `directory`. */
export function placeIn(stack: string, directory: string): string | undefined {
  for (const [, location = '', line = ''] of stack.matchAll(/((?:file:\/\/)?\/[^\s:()?]+)(?:\?[^\s:()]*)?:(\d+)/g)) {
    const file = location.startsWith('file:') ? fileURLToPath(location) : location
    if (file.startsWith(`${directory}/`) && !file.includes('/node_modules/'))
      return `${relative(process.cwd(), file)}:${line}`
  }
  return undefined
}
