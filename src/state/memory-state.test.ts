import { test } from 'node:test'
import { stateConformance } from './conformance.ts'
import { memoryState } from './memory-state.ts'

stateConformance(test, 'memory state', { open: async () => memoryState() })
