export { runServer } from './run-server';
export { type RunningServer, startServer } from './start-server';
