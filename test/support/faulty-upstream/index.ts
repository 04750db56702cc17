export {
  type Behaviour,
  DEFAULT_CONTENT,
  DEFAULT_USAGE,
  type ErrorBehaviour,
  type Fault,
  type FaultBehaviour,
  type OkBehaviour,
  type PaidCall,
  type RawBehaviour,
  type StreamBehaviour,
  type UpstreamRequest,
  type UpstreamUsage,
} from './behaviour';
export { FaultyUpstream, type FaultyUpstreamOptions } from './faulty-upstream';
