//! A tone and spoken words, by the browser's own means; where it has none, nothing is heard.

use std::cell::OnceCell;

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    type AudioContext;
    #[wasm_bindgen(constructor, catch)]
    fn new() -> Result<AudioContext, JsValue>;
    #[wasm_bindgen(method, js_name = createOscillator)]
    fn create_oscillator(this: &AudioContext) -> Oscillator;
    #[wasm_bindgen(method, js_name = createGain)]
    fn create_gain(this: &AudioContext) -> Gain;
    #[wasm_bindgen(method, getter)]
    fn destination(this: &AudioContext) -> JsValue;
    #[wasm_bindgen(method, getter, js_name = currentTime)]
    fn current_time(this: &AudioContext) -> f64;

    type Oscillator;
    #[wasm_bindgen(method, getter)]
    fn frequency(this: &Oscillator) -> Param;
    #[wasm_bindgen(method)]
    fn connect(this: &Oscillator, to: &JsValue);
    #[wasm_bindgen(method)]
    fn start(this: &Oscillator);
    #[wasm_bindgen(method)]
    fn stop(this: &Oscillator, at: f64);

    type Gain;
    #[wasm_bindgen(method, getter)]
    fn gain(this: &Gain) -> Param;
    #[wasm_bindgen(method)]
    fn connect(this: &Gain, to: &JsValue);

    type Param;
    #[wasm_bindgen(method, setter)]
    fn set_value(this: &Param, value: f64);
    #[wasm_bindgen(method, js_name = linearRampToValueAtTime)]
    fn ramp_to(this: &Param, value: f64, at: f64);

    #[wasm_bindgen(js_name = SpeechSynthesisUtterance)]
    type Utterance;
    #[wasm_bindgen(constructor, js_class = "SpeechSynthesisUtterance", catch)]
    fn new(text: &str) -> Result<Utterance, JsValue>;
    #[wasm_bindgen(js_namespace = speechSynthesis, js_name = speak, catch)]
    fn browser_speak(utterance: &Utterance) -> Result<(), JsValue>;
    #[wasm_bindgen(js_namespace = speechSynthesis, js_name = cancel, catch)]
    fn browser_hush() -> Result<(), JsValue>;
}

thread_local! {
    /// Browsers allow a page only a few.
    static CONTEXT: OnceCell<Option<AudioContext>> = const { OnceCell::new() };
}

/// Plays a short tone: each class has its own, a step of a major pentatonic scale.
pub fn play(class: u16) {
    const STEPS: [f64; 5] = [0.0, 2.0, 4.0, 7.0, 9.0];
    const SECONDS: f64 = 0.25;
    const VOLUME: f64 = 0.2;
    CONTEXT.with(|cell| {
        let Some(context) = cell.get_or_init(|| AudioContext::new().ok()) else { return };
        let class = usize::from(class);
        let step = STEPS.get(class % STEPS.len()).copied().unwrap_or_default();
        // From the A below middle C; after fifteen classes, the tones begin again.
        let octave = (class / STEPS.len() % 3) as f64;
        let (tone, volume) = (context.create_oscillator(), context.create_gain());
        tone.frequency().set_value(220.0 * 2.0_f64.powf(octave + step / 12.0));
        volume.gain().set_value(VOLUME);
        let end = context.current_time() + SECONDS;
        // A tone that breaks off clicks.
        volume.gain().ramp_to(0.0, end);
        tone.connect(&volume);
        volume.connect(&context.destination());
        tone.start();
        tone.stop(end);
    });
}

/// Speaks words, in place of those that are being spoken.
pub fn speak(words: &str) {
    if let Ok(utterance) = Utterance::new(words) {
        browser_hush().ok();
        browser_speak(&utterance).ok();
    }
}
