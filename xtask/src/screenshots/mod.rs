//! `cargo xtask screenshots`: the five places and the glossary at three widths, light and dark, after a short run on MNIST.

mod camera;

mod pen;

use std::fs;

use serde_json::json;

use self::camera::{Screen, Theme};
use crate::drive::{App, BrowserOptions, Page, Result};
use crate::driven::ScreenshotOptions;
use crate::places::Places;

/// The last part of each address; the glossary opens over the last place.
const PLACES: [&str; 6] = ["data", "network", "train", "understand", "use", "glossary"];

const WIDE: Screen = Screen { width: 1440, height: 900, theme: Theme::Light };
const TABLET: Screen = Screen { width: 820, height: 1180, theme: Theme::Light };
const PHONE: Screen = Screen { width: 390, height: 844, theme: Theme::Light };

pub async fn run(places: &Places, options: &ScreenshotOptions) -> Result<()> {
    let folder = options.out.clone().unwrap_or_else(|| places.root.join("docs").join("screenshots"));
    fs::create_dir_all(&folder).map_err(|error| format!("the folder for the pictures cannot be made: {error}"))?;
    let both = |screen: Screen| [screen, Screen { theme: Theme::Dark, ..screen }];
    let english: Vec<Screen> = [WIDE, TABLET, PHONE].into_iter().flat_map(both).collect();
    for (language, suffix, screens) in [("en-US", "", &english[..]), ("zh-CN", "-zh", &[WIDE])] {
        let options = BrowserOptions { language: language.into(), ..Default::default() };
        let app = App::start(&places.dist, "/", &options).await?;
        let result = take_all(&app, screens, async |page, screen, place| {
            let file = format!("{place}-{}-{}{suffix}.png", screen.width, screen.theme.name());
            let picture = camera::take(page, screen).await?;
            println!("{file}: {} KB", picture.len() / 1_000);
            Ok(fs::write(folder.join(file), picture)?)
        })
        .await;
        app.quit().await?;
        result?;
    }
    Ok(())
}

/// Trains once, then takes a picture of each place on each screen.
async fn take_all(app: &App, screens: &[Screen], take: impl AsyncFn(&Page, &Screen, &str) -> Result<()>) -> Result<()> {
    let page = app.open("?engine=cpu").await?;
    page.ready().await?;
    let script = "
        await kindling.loadDataset('mnist');
        await kindling.train({ maxSteps: 300 });
        await kindling.evaluate('validation');";
    refuse_missing_font(&page).await?;
    page.run::<()>(script, json!(null)).await?;
    for screen in screens {
        camera::show(&page, screen).await?;
        for place in PLACES {
            page.run::<()>("location.hash = args", json!(place)).await?;
            camera::settle(&page).await?;
            if place == "use" {
                pen::draw_three(&page).await?;
            }
            take(&page, screen, place).await?;
        }
    }
    Ok(())
}

/// Fails if the browser has no font with Chinese characters: it would draw the same box for each.
async fn refuse_missing_font(page: &Page) -> Result<()> {
    let script = "
        const drawn = character => {
            const canvas = Object.assign(document.createElement('canvas'), { width: 40, height: 40 });
            const pen = canvas.getContext('2d');
            pen.font = '32px sans-serif';
            pen.fillText(character, 0, 34);
            return canvas.toDataURL();
        };
        return drawn('训') !== drawn('练');";
    if page.run(script, json!(null)).await? {
        return Ok(());
    }
    Err("the browser finds no font with Chinese characters, so the pictures would show boxes: install one, such as the package fonts-noto-cjk".into())
}
