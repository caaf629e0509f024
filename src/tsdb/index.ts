export { type DataDir, openDataDir } from './data-dir.ts'
