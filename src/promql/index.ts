export {
  AGGREGATOR_PARAMS,
  AGGREGATORS,
  type Aggregator,
  type BinaryOp,
  type Expr,
  metricNamesOf,
  selectorsOf,
  type ValueType,
  type VectorSelector,
  walk,
} from './ast.ts'
export { typeOf } from './check.ts'
export { createEngine, type Engine, type EngineLimits, type EngineOptions } from './engine.ts'
export { EXPERIMENTAL_FUNCTIONS, FUNCTIONS, type FunctionDoc } from './functions.ts'
export { formatHistogram } from './histogram/index.ts'
export { parseKnown } from './known-expressions.ts'
export { parse, parseSelector } from './parser.ts'
export { ParseError, type Place, QueryError, type QueryErrorCode, type Span } from './position.ts'
export { prettyExpr } from './pretty.ts'
export { formatExpr } from './print.ts'
export {
  type DescribedSample,
  type DescribedSeries,
  parseLabels,
  parseSamples,
  parseSeries,
} from './series-notation.ts'
export { type WeightOptions, weightOfQuery } from './weight.ts'
