/**
 * `admin/tsdb/*`: deleting series, cleaning up after that, copying the store. Off unless `--web.enable-admin-api` is given.
 *
 * Also what is off for good: the experimental `search/*`, and the deletion of series under `series`, which Prometheus never had. What is
 * off answers as a Prometheus in which it is: clients know that answer.
 *
 * All selectors are read before anything is deleted; Prometheus deletes those before a bad one.
 */
import { messageOf } from '#core'
import { ApiError, invalidParam } from '../http/api-error.ts'
import { MAX_TIME, MIN_TIME } from '../http/params.ts'
import type { StoreAdmin } from '../types.ts'
import type { Call, Handler } from './call.ts'
import { parseOne } from './matchers.ts'
import { NO_CONTENT, success } from './render.ts'

export const deleteSeries: Handler = async (call) => {
  const admin = adminOf(call)
  const { params, deps } = call
  const selectors = params.all('match[]')
  if (selectors.length === 0) throw new ApiError('bad_data', 'no match[] parameter provided')
  const start = params.timeOr('start', MIN_TIME)
  const end = params.timeOr('end', MAX_TIME)
  const sets = selectors.map((text) => parseOne(text, (message, cause) => invalidParam('match[]', message, cause)))
  if (start <= end) {
    const report = await done(() => admin.deleteSeries({ sets, start, end }))
    deps.log.info({ match: selectors, start, end, ...report }, 'series were deleted')
  }
  return NO_CONTENT
}

export const cleanTombstones: Handler = async (call) => {
  const admin = adminOf(call)
  const blocks = await done(() => admin.cleanTombstones())
  call.deps.log.info({ blocks }, 'tombstones were cleaned')
  return NO_CONTENT
}

export const snapshot: Handler = async (call) => {
  const admin = adminOf(call)
  const skipHead = call.params.flag('skip_head') ?? false
  if (typeof skipHead === 'string') throw invalidParam('skip_head', `unable to parse boolean: ${skipHead}`)
  const { name } = await done(() => admin.snapshot({ skipHead }))
  return success({ name })
}

export const searchDisabled: Handler = () => {
  throw new ApiError('unavailable', 'search API disabled', { status: 500 })
}

export const dropSeries: Handler = () => {
  throw new ApiError('internal', 'not implemented')
}

function adminOf({ deps }: Call): StoreAdmin {
  if (deps.admin === undefined) throw new ApiError('unavailable', 'admin APIs disabled', { status: 500 })
  return deps.admin
}

/** What the disk refuses is told as it is: who may ask this is who has to make room. */
async function done<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw new ApiError('internal', messageOf(cause), { cause })
  }
}
