//! Anything by its id.

use async_graphql::{Context, ID, Interface, Result};

use crate::graphql::context::{loaders, reader, rooms};
use crate::graphql::ids::{self, Global};
use crate::graphql::types::{
    Account, Attachment, Bot, BotRevision, ChannelConnection, Conversation, Delivery, Fact, Message, Person,
    Turn, Upload,
};
use crate::id::{
    AccountId, AttachmentId, BotId, ConnectionId, ConversationId, DeliveryId, FactId, MessageId, PersonId,
    RevisionId, TurnId, UploadId,
};

/// Anything that has an id.
#[derive(Interface, Clone)]
#[graphql(field(name = "id", ty = "ID", desc = "Stays as it is for ever."))]
pub(in crate::graphql) enum Node {
    Account(Account),
    Person(Person),
    Bot(Bot),
    BotRevision(BotRevision),
    Conversation(Conversation),
    Message(Message),
    Turn(Turn),
    Upload(Upload),
    Attachment(Attachment),
    Fact(Fact),
    ChannelConnection(ChannelConnection),
    Delivery(Delivery),
}

/// The thing of that id, if the caller may see it.
pub(in crate::graphql) async fn find_node(context: &Context<'_>, id: &ID) -> Result<Option<Node>> {
    let actor = reader(context)?;
    let loaders = loaders(context)?;
    let (kind, uuid) = ids::split(id)?;
    Ok(match kind {
        AccountId::KIND => (actor.account.0 == uuid).then(|| Node::Account(actor.into())),
        PersonId::KIND => find_person(context, PersonId(uuid)).await?.map(Node::Person),
        BotId::KIND => loaders.load_one(BotId(uuid)).await?.map(Bot).map(Node::Bot),
        RevisionId::KIND => loaders.load_one(RevisionId(uuid)).await?.map(BotRevision).map(Node::BotRevision),
        ConversationId::KIND => {
            loaders.load_one(ConversationId(uuid)).await?.map(Conversation).map(Node::Conversation)
        }
        MessageId::KIND => find_message(context, MessageId(uuid)).await?.map(Node::Message),
        TurnId::KIND => find_turn(context, TurnId(uuid)).await?.map(Node::Turn),
        UploadId::KIND => {
            let row = loaders.load_one(UploadId(uuid)).await?;
            row.filter(|row| row.person_id == actor.person).map(Upload).map(Node::Upload)
        }
        AttachmentId::KIND => find_attachment(context, UploadId(uuid)).await?.map(Node::Attachment),
        ConnectionId::KIND => {
            find_connection(context, ConnectionId(uuid)).await?.map(Node::ChannelConnection)
        }
        DeliveryId::KIND => find_delivery(context, DeliveryId(uuid)).await?.map(Node::Delivery),
        FactId::KIND => find_fact(context, FactId(uuid)).await?.map(Node::Fact),
        _ => None,
    })
}

/// A fact that was learned where the caller may see it.
async fn find_fact(context: &Context<'_>, id: FactId) -> Result<Option<Fact>> {
    let (actor, rooms) = (reader(context)?, rooms(context)?);
    let mut tx = rooms.store.reading(actor.account).await?;
    let row = crate::store::Fact::find(&mut tx, id).await?;
    tx.commit().await?;
    let Some(row) = row else { return Ok(None) };
    Ok(loaders(context)?.load_one(row.conversation_id).await?.map(|_| Fact(row)))
}

/// A channel of the account's, for whoever may know how it is doing.
async fn find_connection(context: &Context<'_>, id: ConnectionId) -> Result<Option<ChannelConnection>> {
    let (actor, rooms) = (reader(context)?, rooms(context)?);
    if !actor.scopes.allow(crate::accounts::Scope::Read) {
        return Ok(None);
    }
    let mut tx = rooms.store.reading(actor.account).await?;
    let row = crate::store::Connection::find(&mut tx, id).await?;
    tx.commit().await?;
    Ok(row.map(ChannelConnection))
}

/// What is sent over channels, for whoever may see everything.
pub(in crate::graphql) async fn find_delivery(
    context: &Context<'_>,
    id: DeliveryId,
) -> Result<Option<Delivery>> {
    let (actor, rooms) = (reader(context)?, rooms(context)?);
    if !actor.scopes.allow(crate::accounts::Scope::Admin) {
        return Ok(None);
    }
    let mut tx = rooms.store.reading(actor.account).await?;
    let row = crate::store::Delivery::find(&mut tx, id).await?;
    tx.commit().await?;
    Ok(row.map(Delivery))
}

/// People see themselves; who may see everything sees everybody.
async fn find_person(context: &Context<'_>, id: PersonId) -> Result<Option<Person>> {
    let actor = reader(context)?;
    if actor.person != id && !actor.scopes.allow(crate::accounts::Scope::Admin) {
        return Ok(None);
    }
    Ok(loaders(context)?.load_one(id).await?.map(Person::from))
}

/// A message of a conversation that the caller may see.
pub(in crate::graphql) async fn find_message(
    context: &Context<'_>,
    id: MessageId,
) -> Result<Option<Message>> {
    let loaders = loaders(context)?;
    let Some(row) = loaders.load_one(id).await? else { return Ok(None) };
    Ok(loaders.load_one(row.conversation_id).await?.map(|_| Message(row)))
}

/// A file of a message that the caller may see.
async fn find_attachment(context: &Context<'_>, id: UploadId) -> Result<Option<Attachment>> {
    let Some(row) = loaders(context)?.load_one(id).await? else { return Ok(None) };
    let Some(message) = row.message_id else { return Ok(None) };
    Ok(find_message(context, message).await?.map(|_| Attachment(row)))
}

/// A turn of a conversation that the caller may see.
pub(in crate::graphql) async fn find_turn(context: &Context<'_>, id: TurnId) -> Result<Option<Turn>> {
    let loaders = loaders(context)?;
    let Some(row) = loaders.load_one(id).await? else { return Ok(None) };
    Ok(loaders.load_one(row.conversation_id).await?.map(|_| Turn(row)))
}
