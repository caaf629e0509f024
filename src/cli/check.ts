/**
 * `assay check`: is the configuration right? Types where a TypeScript compiler is installed, then the values themselves.
 */
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, extname, join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { messageOf } from '#core'
import { loadConfiguration } from './load-definition.ts'

const OWN_SOURCE = fileURLToPath(new URL('../', import.meta.url))

export type Finding = { readonly place: string; readonly message: string }

/** All that is wrong; empty when all is right. */
export async function check(
  path: string,
  environment: NodeJS.ProcessEnv,
): Promise<{ readonly findings: readonly Finding[]; readonly notes: readonly string[] }> {
  const types = extname(path) === '.ts' ? await checkTypes(path, environment) : { findings: [], notes: [] }
  if (types.findings.length > 0) return types
  try {
    const { plan, warnings } = await loadConfiguration(path)
    const rules = plan.ruleGroups.reduce((sum, group) => sum + group.rules.length, 0)
    const summary = `${plan.name}: ${plan.parts.length} parts, ${plan.policies.length} policies, ${rules} rules`
    return { findings: [], notes: [...types.notes, ...warnings, summary] }
  } catch (error) {
    const [, place = path, message = messageOf(error)] =
      /^([^\s:]+:\d+(?::\d+)?): ([\s\S]*)$/.exec(messageOf(error)) ?? []
    return { findings: [{ place, message }], notes: types.notes }
  }
}

/** What the compiler says, a finding each. Without a compiler a note says how to get one. */
async function checkTypes(path: string, environment: NodeJS.ProcessEnv) {
  const compiler = findCompiler(path)
  if (compiler === undefined) {
    return {
      findings: [],
      notes: ['types are not checked: no TypeScript compiler here; `npm install --save-dev typescript` gives one'],
    }
  }
  const flags =
    '--noEmit --skipLibCheck --strict --target esnext --module nodenext --moduleDetection force --allowImportingTsExtensions --erasableSyntaxOnly --pretty false'
  const child = spawn(
    process.execPath,
    [compiler, '--ignoreConfig', ...flags.split(' '), '--customConditions', 'assay-src', resolve(path)],
    {
      env: environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const output = await text(child.stdout)
  // Run from its source, assay itself is compiled along, under flags that are the user's and not its own.
  const findings = parseCompilerOutput(output).filter(({ place }) => !resolve(place).startsWith(OWN_SOURCE))
  if (findings.some(({ message }) => message.startsWith("Cannot find module 'assay'"))) {
    return {
      findings: [],
      notes: [
        'types are not checked: assay is not installed beside the definition; `npm install assay` there gives its types',
      ],
    }
  }
  return { findings, notes: [] }
}

/** `a.ts(3,5): error TS2339: text` -> place and text. Lines that go on a message are joined to it. */
export function parseCompilerOutput(output: string): readonly Finding[] {
  const findings: Finding[] = []
  for (const line of output.split('\n')) {
    const [, file, row, column, message] = /^(.+?)\((\d+),(\d+)\): error TS\d+: (.*)$/.exec(line) ?? []
    const last = findings.at(-1)
    if (file !== undefined) findings.push({ place: `${file}:${row}:${column}`, message: message ?? '' })
    else if (line.startsWith('  ') && last !== undefined)
      findings[findings.length - 1] = { ...last, message: `${last.message} ${line.trim()}` }
    else if (line.startsWith('error ')) findings.push({ place: '', message: line })
  }
  return findings
}

function findCompiler(path: string): string | undefined {
  const manifest =
    tryResolve('typescript/package.json', resolve(path)) ?? tryResolve('typescript/package.json', import.meta.url)
  return manifest === undefined ? undefined : join(dirname(manifest), 'bin/tsc')
}

function tryResolve(module: string, from: string): string | undefined {
  try {
    return createRequire(from).resolve(module)
  } catch {
    return undefined // not installed there
  }
}
