//! Starts the page; everything else is library.

fn main() {
    console_error_panic_hook::set_once();
    kindling::page::app::start();
}
