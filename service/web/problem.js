// Shows a problem in the service's own words, and retries.

const MAX_RETRIES = 5; // automatic ones; then the user decides
const SLACK = 0.2; // of the wait, so that many pages do not retry at once

export class ProblemView {
  #box = document.getElementById("problem");
  #title = document.getElementById("problem-title");
  #detail = document.getElementById("problem-detail");
  #allowed = document.getElementById("problem-allowed");
  #countdown = document.getElementById("problem-countdown");
  #request = document.getElementById("problem-request");
  #button = document.getElementById("try-again");
  #retry = null;
  #ticker = null;
  #numRetries = 0;

  constructor() {
    this.#button.addEventListener("click", () => {
      this.#numRetries = 0;
      if (this.#retry) this.#again();
      else this.clear();
    });
  }

  /** The subject of the problem, as given to `show`; null without a problem. */
  about = null;

  /**
   * @param {Problem} problem
   * @param {Object} about what could not be done
   * @param {?function()} retry tries again; called by itself when the service said when
   * @param {string} action what the button for it says
   */
  show(problem, about, retry, action = "Try again") {
    clearInterval(this.#ticker);
    this.about = about;
    this.#retry = retry;
    this.#title.textContent = problem.title;
    this.#detail.textContent = problem.detail;
    fill(this.#allowed, problem.allowed.length ? `Allowed: ${problem.allowed.join(", ")}` : "");
    fill(this.#request, problem.requestId ? `Request ${problem.requestId}` : "");
    fill(this.#countdown, "");
    this.#button.textContent = retry ? action : "Close";
    this.#box.hidden = false;
    if (retry && problem.retryAfterMs !== null && this.#numRetries < MAX_RETRIES) {
      this.#countDown(problem.retryAfterMs * (1 + SLACK * Math.random()));
    }
  }

  /** Hide the problem after a success. */
  clear() {
    clearInterval(this.#ticker);
    this.#numRetries = 0;
    this.about = null;
    this.#box.hidden = true;
  }

  #countDown(waitMs) {
    const dueMs = Date.now() + waitMs;
    const tick = () => {
      const leftS = Math.ceil((dueMs - Date.now()) / 1000);
      if (leftS > 0) {
        fill(this.#countdown, `Trying again in ${leftS} s.`);
      } else {
        this.#numRetries += 1;
        this.#again();
      }
    };
    this.#ticker = setInterval(tick, 250);
    tick();
  }

  #again() {
    clearInterval(this.#ticker);
    fill(this.#countdown, "Trying again.");
    this.#retry();
  }
}

function fill(element, text) {
  element.textContent = text;
  element.hidden = text === "";
}
