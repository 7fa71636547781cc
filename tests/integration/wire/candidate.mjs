// A front end of a stranger: npm's `ws`, the documented messages, and nothing of ours.
//
// usage: node candidate.mjs MODULES ADDRESS TEST_ID RELOAD_AFTER
// Answers every question with its first option, closes the socket hard after RELOAD_AFTER answers and starts again, and
// prints all messages that it got as one JSON array.
import { createRequire } from "node:module";

const [modules, address, testId, reloadAfter] = process.argv.slice(2);
const WebSocket = createRequire(`${modules}/`)("ws");
const messages = [];
let saved = 0;
let reloaded = false;

function connect() {
  const socket = new WebSocket(address);
  socket.on("open", () => {
    socket.send(JSON.stringify({ type: "start_assessment", data: { test_id: Number(testId) } }));
  });
  socket.on("message", (text) => receive(socket, JSON.parse(text)));
  socket.on("error", fail);
  socket.on("close", (code) => {
    if (!socket.leaving) fail(new Error(`closed with ${code}`));
  });
}

function receive(socket, message) {
  if (socket.leaving) return;
  messages.push(message);
  if (message.type === "answer_saved") {
    saved += 1;
    if (saved === Number(reloadAfter) && !reloaded) return reload(socket);
  }
  if (message.type === "question") {
    const { question_id, question } = message.data;
    const data = { question_id, selected_option: question.options[0].id };
    socket.send(JSON.stringify({ type: "submit_answer", data }));
  }
  if (message.type === "assessment_completed") {
    socket.leaving = true;
    socket.close();
    console.log(JSON.stringify(messages));
  }
}

function reload(socket) {
  reloaded = true;
  socket.leaving = true;
  socket.terminate();
  connect();
}

function fail(error) {
  console.error(error, JSON.stringify(messages));
  process.exit(1);
}

setTimeout(() => fail(new Error("too slow")), 30_000).unref();
connect();
