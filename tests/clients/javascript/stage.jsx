// Shows the manual's component as often as a test says, in StrictMode.
import { StrictMode, useEffect } from "react";
import { createRoot } from "react-dom/client";
import { Talk } from "./talk.jsx";

function Mounts() {
  useEffect(() => {
    globalThis.mounts = (globalThis.mounts ?? 0) + 1;
  }, []);
}

const root = createRoot(document.getElementById("root"));
/** By the key of each: `{item, options}`. */
globalThis.show = (talks) =>
  root.render(
    <StrictMode>
      <Mounts />
      {Object.entries(talks).map(([key, talk]) => (
        <Talk key={key} {...talk} options={{ ...talk.options, tail: 20 }} />
      ))}
    </StrictMode>,
  );
