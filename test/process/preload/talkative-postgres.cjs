// Loaded into a server under test with NODE_OPTIONS=--require. Its PostgreSQL logs every statement with its parameters
// to files of the data directory, and keeps statistics of them.
const childProcess = module.require('node:child_process');

const SETTINGS = {
  logging_collector: 'on',
  log_statement: 'all',
  log_min_duration_statement: '0',
  log_error_verbosity: 'verbose',
  log_min_error_statement: 'debug5',
  log_parameter_max_length: '-1',
  log_parameter_max_length_on_error: '-1',
  log_connections: 'all',
  shared_preload_libraries: 'pg_stat_statements',
  track_activity_query_size: '65536',
};

const { spawn } = childProcess;
childProcess.spawn = (command, words, options) => {
  const isPostgres = words.some((word) => word.startsWith('listen_addresses='));
  const more = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return spawn(command, isPostgres ? [...words, ...more] : words, options);
};
