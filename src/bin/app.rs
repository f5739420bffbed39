//! Starts the page; everything else is library.

fn main() {
    console_error_panic_hook::set_once();
    leptos::mount::mount_to_body(kindling::ui::app::App);
}
