"""python-telegram-bot, a strict reader, against the emulator of the tests: URL, token, a private chat, a group.

One line per case; fails if any case does. `cargo nextest run python_telegram_bot` starts it, with a scene prepared."""

import asyncio
import sys

import telegram
from telegram import Bot, BotCommand, InlineKeyboardButton, InlineKeyboardMarkup, ReplyParameters
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter

URL, TOKEN, CHAT, GROUP = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])


def bot(token=TOKEN):
    return Bot(token, base_url=f"{URL}/bot", base_file_url=f"{URL}/file/bot")


async def fails(kind, call, words=""):
    try:
        await call
    except kind as error:
        assert words.lower() in str(error).lower(), error
        return error
    raise AssertionError(f"{kind.__name__} was expected")


async def me(polly):
    assert polly.username == "polly_bot" and not polly.can_read_all_group_messages
    await fails(InvalidToken, bot("1:none").get_me())


async def updates(polly):
    seen = await polly.get_updates(timeout=1, allowed_updates=telegram.Update.ALL_TYPES)
    again = await polly.get_updates(timeout=1)
    assert [update.update_id for update in seen] == [update.update_id for update in again]
    messages = [update.message for update in seen if update.message]
    assert messages[0].text == "/start" and messages[0].entities[0].type == "bot_command"
    mention = next(message for message in messages if message.text and "@polly_bot" in message.text)
    assert mention.parse_entities(["mention"]) == {mention.entities[0]: "@polly_bot"}
    assert next(message for message in messages if message.photo).caption == "Look"
    document = next(message for message in messages if message.document).document
    assert bytes(await (await document.get_file()).download_as_bytearray()) == b"Hello"
    assert next(message for message in messages if message.voice).voice.duration
    assert next(message for message in messages if message.sticker).sticker.emoji == "😀"
    assert next(message for message in messages if message.forum_topic_created).is_topic_message
    assert next(message for message in messages if message.new_chat_members)
    assert any(update.edited_message and update.edited_message.edit_date for update in seen)
    press = next(update.callback_query for update in seen if update.callback_query)
    assert press.data == "y" and press.message.chat.id == CHAT
    await press.answer("Done")
    places = [update.my_chat_member.new_chat_member.status for update in seen if update.my_chat_member]
    assert places == ["member", "administrator", "member", "kicked"], places
    assert not await polly.get_updates(offset=seen[-1].update_id + 1)


async def words(polly):
    markup = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="y")]])
    text = "😀 <b>bold <i>both</i></b> <a href='https://x.y'>link</a> <pre><code class='language-py'>x</code></pre>"
    sent = await polly.send_message(CHAT, text, parse_mode="HTML", reply_markup=markup)
    assert sent.text == "😀 bold both link x" and sent.from_user.is_bot and sent.date.year > 2000
    assert [(entity.type, sent.parse_entity(entity)) for entity in sent.entities] == [
        ("bold", "bold both"), ("italic", "both"), ("text_link", "link"), ("pre", "x"),
    ]
    edited = await sent.edit_text("Edited")
    assert edited.text == "Edited" and edited.edit_date and edited.reply_markup is None
    await fails(BadRequest, sent.edit_text("Edited"), "message is not modified")
    await edited.edit_reply_markup(markup)
    answer = await polly.send_message(CHAT, "Reply", reply_parameters=ReplyParameters(sent.message_id))
    assert answer.reply_to_message.message_id == sent.message_id
    assert await answer.delete() and await sent.set_reaction("👍")
    assert await polly.send_chat_action(CHAT, "typing")
    assert await polly.send_message_draft(CHAT, 1, "Thinking")


async def files(polly):
    photo = await polly.send_photo(CHAT, b"jpeg", caption="<i>Photo</i>", parse_mode="HTML")
    assert photo.caption == "Photo" and photo.caption_entities[0].type == "italic"
    again = await polly.send_photo(CHAT, photo.photo[-1].file_id)
    assert again.photo[-1].width
    document = await polly.send_document(CHAT, b"# A", filename="a.md")
    assert document.document.file_name == "a.md"
    fetched = await (await document.document.get_file()).download_as_bytearray()
    assert bytes(fetched) == b"# A"


async def places(polly):
    assert (await polly.get_chat(CHAT)).first_name == "Ann"
    group = await polly.get_chat(GROUP)
    assert group.title == "Club" and group.is_forum
    assert (await polly.get_chat_member(GROUP, polly.id)).status == "administrator"
    assert (await polly.get_chat_member(CHAT, CHAT)).status == "member"


async def commands(polly):
    menu = [BotCommand("help", "Help")]
    assert await polly.set_my_commands(menu)
    assert list(await polly.get_my_commands()) == menu
    assert await polly.delete_my_commands() and not await polly.get_my_commands()


async def webhook(polly):
    assert await polly.set_webhook("https://127.0.0.1:9/hook", secret_token="s3cret", allowed_updates=["message"])
    info = await polly.get_webhook_info()
    assert info.url.endswith("/hook") and info.pending_update_count == 0 and info.allowed_updates == ("message",)
    await fails(Conflict, polly.get_updates(), "webhook")
    assert await polly.delete_webhook(drop_pending_updates=True)


async def refusals(polly):
    say = lambda text="a", chat=CHAT, **more: polly.send_message(chat, text, **more)
    await fails(BadRequest, say("<b>", parse_mode="HTML"), "can't parse entities")
    await fails(BadRequest, say("a" * 4097), "message is too long")
    await fails(BadRequest, say(""), "message text is empty")
    await fails(BadRequest, say(chat=7), "chat not found")
    await fails(BadRequest, say(reply_to_message_id=999), "message to be replied not found")
    await fails(BadRequest, say(chat=GROUP, message_thread_id=999), "message thread not found")
    # What the scene has prepared for these chats, in this order.
    late = await fails(RetryAfter, say("busy"))
    assert int(getattr(late.retry_after, "total_seconds", lambda: late.retry_after)()) == 3
    await fails(NetworkError, say("away"), "bad gateway")
    await fails(NetworkError, say("cut"))
    await fails(ChatMigrated, say(chat=int(sys.argv[5])))
    await fails(Forbidden, say(chat=int(sys.argv[6])), "blocked by the user")
    await polly.leave_chat(GROUP)
    await fails(Forbidden, say(chat=GROUP), "not a member")


async def main():
    failed = False
    async with bot() as polly:
        for case in [me, updates, words, files, places, commands, webhook, refusals]:
            try:
                await case(polly)
                print(f"ok    python-telegram-bot {case.__name__}")
            except Exception as problem:  # each case is told, whatever happened
                failed = True
                print(f"FAIL  python-telegram-bot {case.__name__}: {type(problem).__name__}: {problem}")
    return failed


sys.exit(asyncio.run(main()))
