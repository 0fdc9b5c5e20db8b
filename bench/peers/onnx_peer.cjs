// ONNX Runtime as a peer of the benchmark: onnx_peer.cjs MODEL.onnx THREADS
// Reads a JSON command a line and answers each with a line, as torch_peer.py does; rows are raw
// files with their shape and type in the command.
'use strict';
const fs = require('fs');
const path = require('path');
const readline = require('readline');
const ort = require(path.join(process.env.HORNET_PEERS, 'node_modules', 'onnxruntime-node'));

const say = (answer) => process.stdout.write(JSON.stringify(answer) + '\n');

function tensorOf(command) {
  const bytes = fs.readFileSync(command.rows);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  const data = command.dtype === 'int64' ? new BigInt64Array(buffer) : new Float32Array(buffer);
  return new ort.Tensor(command.dtype, data, command.shape);
}

function cpuSeconds() {
  const usage = process.cpuUsage();
  return (usage.user + usage.system) / 1e6;
}

async function main() {
  const [model, threads] = process.argv.slice(2);
  const session = await ort.InferenceSession.create(model, {
    intraOpNumThreads: Number(threads),
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    enableCpuMemArena: true,
  });
  const inputs = session.inputMetadata || [];
  say({
    pid: process.pid,
    version: require(path.join(process.env.HORNET_PEERS, 'node_modules', 'onnxruntime-node',
      'package.json')).version,
    shape: inputs.length ? inputs[0].shape : null,
    dtype: inputs.length ? inputs[0].type : null,
  });
  const name = session.inputNames[0], output = session.outputNames[0];
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    const feeds = { [name]: tensorOf(command) };
    if (command.do === 'predict') {
      const result = (await session.run(feeds))[output];
      fs.writeFileSync(command.to, Buffer.from(result.data.buffer, result.data.byteOffset,
        result.data.byteLength));
      say({ shape: result.dims });
      continue;
    }
    await session.run(feeds);
    const cpu = cpuSeconds(), start = process.hrtime.bigint();
    let calls = 0, seconds = 0;
    while (calls === 0 || seconds < command.seconds) {
      await session.run(feeds);
      calls += 1;
      seconds = Number(process.hrtime.bigint() - start) / 1e9;
    }
    say({ rows: calls * command.shape[0], seconds, cpu_seconds: cpuSeconds() - cpu });
  }
}

main().catch((error) => {
  say({ error: String(error.message || error) });
  process.exit(1);
});
