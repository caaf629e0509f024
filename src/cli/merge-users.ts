/**
 * Users without a definition: `--merge-users JOBS` merges what the instances of scrape jobs tell of their users, as `users: true` does for a
 * part of a definition. A `prometheus.yml` cannot say so, as Prometheus would refuse a word that it does not know.
 *
 * Off unless named: who brings a `prometheus.yml` expects its targets to be asked for their pages and for nothing else.
 */
import type { UsersSpec } from '#collectors'
import { AssayError } from '#core'
import type { Plan, PlanPart } from '#model'

/** The plan, with the users of these jobs. Throws `ASSAY_USAGE` for a job that is not there. */
export function withUsers(plan: Plan, jobs: readonly string[]): Plan {
  const known = plan.scrapes.map(({ jobName }) => jobName)
  for (const job of jobs) {
    if (!known.includes(job))
      throw new AssayError(
        'ASSAY_USAGE',
        `--merge-users ${job}: there is no such scrape job; write one of ${known.join(', ')}`,
      )
  }
  const there = new Set(plan.collectors.map(({ part }) => part))
  const specs = [...new Set(jobs)]
    .map((job): UsersSpec => ({ kind: 'users', part: `${job}:users`, service: job, targets: { scraped: job } }))
    .filter(({ part }) => !there.has(part))
  if (specs.length === 0) return plan
  const counted = new Set(specs.map(({ service }) => service))
  return {
    ...plan,
    collectors: [...plan.collectors, ...specs],
    parts: plan.parts.map((part) => (part.kind === 'job' && counted.has(part.job) ? showUsers(part) : part)),
  }
}

/** The job as a part, with its users on its card and its page. */
function showUsers(part: PlanPart): PlanPart {
  const shown = [
    ['users.now', 'users now', '5m'],
    ['users.today', 'users today', '1d'],
  ].map(([id = '', title = '', window]) => {
    const expr = `max(assay_active_users{service=${JSON.stringify(part.job)},window="${window}"})`
    return { id, title, unit: 'count', expr } as const
  })
  return {
    ...part,
    signals: [...part.signals, ...shown.map((one) => ({ ...one, form: 'number' }) as const)],
    charts: [...part.charts, ...shown],
  }
}
