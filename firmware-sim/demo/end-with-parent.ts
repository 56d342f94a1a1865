/**
 * Loaded before each of the demo's programs: they end in order when the demo is gone, even where it was
 * killed and could stop nobody. The channel to it breaks then.
 */
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
// The channel alone does not keep a program running.
process.channel?.unref();
